"""What every stage of the MRI analysis shares: contracts, use cases, ports and their adapters."""

__version__ = "0.1.0"
