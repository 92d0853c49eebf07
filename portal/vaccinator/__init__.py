"""The vaccinator: ask about a vial, record a dose; the gate in between is the ledger's."""
