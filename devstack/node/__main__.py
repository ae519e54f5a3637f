"""`python -m devstack.node`: run the Pods of a control plane on this machine until SIGTERM."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

import yaml

from devstack.kubeapi import KubeApi
from devstack.node.pods import PodFollower


def main() -> None:
    """Parse the command line and follow the Pods."""
    parser = argparse.ArgumentParser(prog="python -m devstack.node", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the API server, with a token")
    parser.add_argument("--run-dir", type=Path, required=True, help="directory for the Pods' files and logs")
    arguments = parser.parse_args()

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    server = yaml.safe_load(arguments.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    follower = PodFollower(KubeApi.from_kubeconfig(arguments.kubeconfig), server, arguments.run_dir)
    try:
        follower.run()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        follower.leave()


if __name__ == "__main__":
    main()
