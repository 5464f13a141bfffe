-- Any server that speaks the Responses API: the address is the user's to give.
return {
  name = "responses_compatible",
  protocol = "openai_responses",
  auth = "bearer",
  version = "v1",
}
