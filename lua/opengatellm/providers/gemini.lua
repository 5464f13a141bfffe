-- Google's Gemini API.
return {
  name = "gemini",
  protocol = "gemini",
  base_url = "https://generativelanguage.googleapis.com",
  key_env = { "GEMINI_API_KEY", "GOOGLE_API_KEY" },
  auth = "x-goog-api-key",
  version = "v1beta",
  dialects = { files = "gemini" },
  -- 20 MB a request were documented for years (100 since 2026, by the announcement); the last is for what is no file
  attachments = { inline = 19 * 1000 * 1000, by = "opengatellm.operations.gemini_files" },
}
