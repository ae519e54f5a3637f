"""The commands, one a module: options, and how what was collected is shown."""
