"""What `zachet doctor` runs inside a sandbox: a runner that starts in a moment and gives up nothing by itself, and a look around."""
