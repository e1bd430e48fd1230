"""Statistics: intervals, the confidence of an answer, the certificate and the exam."""
