-- Ollama, by its own protocol; a key only where a gateway, or ollama.com, asks for one.
return {
  name = "ollama",
  protocol = "ollama",
  base_url = "http://localhost:11434",
  url_env = { "OLLAMA_HOST" },
  key_env = { "OLLAMA_API_KEY" },
  auth = "bearer",
  default_port = 11434,
}
