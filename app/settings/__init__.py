"""What is a valid setting, how many workers fit this machine, and what does this process do and keep?"""
