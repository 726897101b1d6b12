"""Records of trainings, for people who look them up later."""
