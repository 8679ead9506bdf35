"""What documents in ``mappings/`` say: workflows, splits, mappings and value tables, checked, compiled and in force."""
