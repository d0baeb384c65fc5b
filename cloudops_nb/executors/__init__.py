"""How a command is carried out: processes, the AWS CLI, and a scripted fake."""
