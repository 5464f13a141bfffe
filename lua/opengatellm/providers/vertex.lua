-- Vertex AI of Google Cloud: Gemini, and Claude where the model says so. The project is in the address, the key a service account's.
-- Sources: auth/vertex.lua; the variables are those of Google's and Anthropic's clients (cljdoc.org llm.sdk.providers.anthropic.vertex;
-- anthropic-sdk-python src/anthropic/lib/vertex/_client.py, which also shows that the body has anthropic_version and no model).
return {
  name = "vertex",
  protocol = "gemini",
  auth = "opengatellm.auth.vertex",
  settings = {
    project = { "GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID" },
    location = { "GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION", default = "global" },
    credentials = { "GOOGLE_APPLICATION_CREDENTIALS" }, -- a file: its path is no secret
  },
  dialects = { count_tokens = "vertex" },
  models = {
    {
      match = "^claude", protocol = "anthropic", body = { anthropic_version = "vertex-2023-10-16" }, no_model = true,
      dialects = { count_tokens = "anthropic" },
    },
  },
}
