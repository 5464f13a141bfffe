-- Any server that speaks Chat Completions: the address is the user's to give.
return {
  name = "openai_compatible",
  protocol = "openai_chat",
  auth = "bearer",
  version = "v1",
}
