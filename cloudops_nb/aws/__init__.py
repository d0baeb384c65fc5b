"""What this package knows of AWS: the operations catalogue and the sandbox.

Importing it is free of boto3 and botocore; each function that needs them imports them itself.
"""
