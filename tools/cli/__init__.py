"""The command line of Waybill: `python -m cli <command>`."""
