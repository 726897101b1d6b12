"""Made-up names for simulated readers, so that the demo page speaks of people, not of ids."""

import hashlib

_FIRST = {
    "es": ("Lucía", "Mateo", "Valentina", "Diego", "Camila", "Andrés", "Sofía", "Tomás", "Elena",
           "Joaquín", "Paula", "Emilio"),
    "pt": ("Beatriz", "Rafael", "Mariana", "Tiago", "Helena", "Caio", "Luísa", "Bruno", "Clara",
           "Otávio", "Inês", "Davi"),
    "fr": ("Aminata", "Lucas", "Fatou", "Étienne", "Awa", "Olivier", "Chloé", "Moussa", "Nadia",
           "Hugo", "Mariam", "Théo"),
    "en": ("Grace", "Daniel", "Amara", "Noah", "Zola", "Ethan", "Ruth", "Kofi", "Emma", "Samuel",
           "Thandi", "Oliver"),
}  # fmt: skip
_LAST = {
    "es": ("Rojas", "Castillo", "Vega", "Mendoza", "Ortiz", "Salazar", "Herrera", "Paredes"),
    "pt": ("Almeida", "Barros", "Cardoso", "Duarte", "Moreira", "Nogueira", "Pires", "Teixeira"),
    "fr": ("Diallo", "Tremblay", "Traoré", "Gagnon", "Koné", "Bouchard", "Sarr", "Lavoie"),
    "en": ("Okafor", "Bennett", "Mensah", "Carter", "Ndlovu", "Hughes", "Mwangi", "Reed"),
}


def name(user_id: str, language: str | None) -> str:
    """A name that fits the language; the same reader always has the same one."""
    tongue = (language or "en").split("-")[0]
    first, last = _FIRST.get(tongue, _FIRST["en"]), _LAST.get(tongue, _LAST["en"])
    digest = hashlib.sha256(user_id.encode()).digest()
    return f"{first[digest[0] % len(first)]} {last[digest[1] % len(last)]}"
