"""OpenAPI: what does each route take and answer, described for programs, of one loaded model version?"""
