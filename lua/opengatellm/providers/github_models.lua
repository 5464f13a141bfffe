-- GitHub Models. GitHub retired the service on 2026-07-30 (github.com/orgs/community/discussions/203602); these data are what it
-- had documented: docs.github.com/en/github-models/quickstart, /rest/models/inference.
return {
  name = "github_models",
  protocol = "openai_chat",
  base_url = "https://models.github.ai/inference",
  key_env = { "GITHUB_TOKEN" },
  auth = "bearer",
  headers = { ["x-github-api-version"] = "2022-11-28" },
  drop = { "top_k" },
}
