"""Node stand-in: runs the Pods of the local stack as processes of this machine, in place of scheduler and kubelet."""
