"""The durable loop over cases, and everything computed from the journal. Only this floor writes to the journal."""
