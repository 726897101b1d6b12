"""An object store on loopback, moto's server in a thread, and what programs need to find it."""

import logging
from collections.abc import Iterator

import pytest

BUCKET = "newsrec-test"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """An object store with one empty bucket, and the environment in which programs find it.

    The environment is that of this process, too, while the tests of the module run.
    """
    # Most tests need none, and these take a second to import.
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            forget_connections()
            yield environment
    finally:
        forget_connections()
        server.stop()


def forget_connections() -> None:
    """Let stores read the environment again; fsspec shares connections within a process."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
