"""Whether what is served is what the model answers: hundreds of models, thousands of rows, over HTTP."""
