"""The pods' containers: small HTTP servers whose faults can be set while they run."""
