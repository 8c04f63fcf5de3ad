"""Open Inference Protocol: what do clients of Triton, KServe and MLServer send, and what do they get?"""
