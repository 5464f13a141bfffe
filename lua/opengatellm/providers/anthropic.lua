-- Anthropic: Claude, by the Messages API.
return {
  name = "anthropic",
  protocol = "anthropic",
  base_url = "https://api.anthropic.com",
  url_env = { "ANTHROPIC_BASE_URL" },
  key_env = { "ANTHROPIC_API_KEY" },
  auth = "x-api-key",
  headers = { ["anthropic-version"] = "2023-06-01" },
  version = "v1",
}
