"""A cluster in the terms of its operator, judged from a CIB and crm_mon; touches no cluster."""
