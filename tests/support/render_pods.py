"""Run in Airflow's environment: the pods that the tasks would start, as JSON."""

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag
from kubernetes.client import ApiClient

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert not bag.import_errors, bag.import_errors
    pods = {}
    for dag_id, dag in bag.dags.items():
        for task in dag.tasks:
            if hasattr(task, "build_pod_request_obj"):
                pod = task.build_pod_request_obj()
                pods[f"{dag_id}.{task.task_id}"] = ApiClient().sanitize_for_serialization(pod)
    print(json.dumps(pods))
