-- Google's Gemini API.
return {
  name = "gemini",
  protocol = "gemini",
  base_url = "https://generativelanguage.googleapis.com",
  key_env = { "GEMINI_API_KEY", "GOOGLE_API_KEY" },
  auth = "x-goog-api-key",
  version = "v1beta",
  dialects = { files = "gemini" },
}
