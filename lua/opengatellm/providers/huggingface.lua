-- Hugging Face Inference Providers, through its router.
-- Sources: pkg.go.dev/github.com/Tangerg/scope/models/huggingface (address); oumi.ai huggingface_inference_engine (HF_TOKEN).
return {
  name = "huggingface",
  protocol = "openai_chat",
  base_url = "https://router.huggingface.co/v1",
  key_env = { "HF_TOKEN" },
  auth = "bearer",
  version = "v1",
}
