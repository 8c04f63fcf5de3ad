"""What is a valid setting, how many workers fit this machine, and is this process a server?"""
