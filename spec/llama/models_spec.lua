local environment = require "spec.support.environment"
local helper = require "spec.helper"
local models = require "opengatellm.llama.models"

-- A home with models in all three caches, made once.
local function home()
  local root = helper.directory() .. "/home" .. helper.id()
  local function put(path, bytes)
    os.execute(("mkdir -p '%s'"):format((root .. path):match "^(.*)/"))
    local file = assert(io.open(root .. path, "wb"))
    file:write(bytes)
    file:close()
  end
  local hub = "/.cache/huggingface/hub/models--ggml-org--gemma-3-1b-it-GGUF"
  put(hub .. "/refs/main", "bbb\n")
  put(hub .. "/snapshots/aaa/old.gguf", "GGUF")
  put(hub .. "/snapshots/bbb/gemma-3-1b-it-Q4_K_M.gguf", "GGUF1")
  put(hub .. "/snapshots/bbb/gemma-3-1b-it-Q8_0.gguf", "GGUF22")
  put(hub .. "/snapshots/bbb/mmproj-model-f16.gguf", "GGUF")
  put(hub .. "/snapshots/bbb/README.md", "text")
  put("/.cache/huggingface/hub/models--big--Split/snapshots/ccc/Q2/big-00001-of-00002.gguf", "GGUF")
  put("/.cache/huggingface/hub/models--big--Split/snapshots/ccc/Q2/big-00002-of-00002.gguf", "GGUF")
  put("/.cache/huggingface/hub/datasets--a--b/snapshots/c/x.gguf", "GGUF")
  put("/.cache/llama.cpp/Qwen_Qwen3-0.6B-GGUF_Qwen3-0.6B-Q8_0.gguf", "GGUF333")
  put("/.cache/llama.cpp/plain.gguf", "GGUF")
  put("/.cache/llama.cpp/manifest=Qwen=x=latest.json", "{}")
  local function manifest(name, bytes) put("/.ollama/models/manifests/" .. name, bytes) end
  manifest("registry.ollama.ai/library/qwen3/latest",
    '{"layers":[{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:00"},{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:ab12"}]}')
  manifest("registry.ollama.ai/me/own/v1", '{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:cd34"}]}')
  manifest("hf.co/bart/Some-GGUF/Q4_K_M", '{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:ab12"}]}')
  manifest("registry.ollama.ai/library/gone/latest", '{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:ffff"}]}')
  manifest("registry.ollama.ai/library/evil/latest", '{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../x"},5]}')
  manifest("registry.ollama.ai/library/broken/latest", "{")
  put("/.ollama/models/blobs/sha256-ab12", "GGUF4444")
  put("/.ollama/models/blobs/sha256-cd34", "GGUF")
  return root
end

describe("the models of this machine", function()
  local root = home()

  local function inside(run) return environment.with({ HOME = root }, run) end
  local function find(name) return inside(function() return { models.find(name) } end) end
  local function name_of(path) return path and path:sub(#root + 1) end

  it("are listed from all three caches", function()
    local names = {}
    for i, model in ipairs(inside(models.list)) do names[i] = ("%s %s %d"):format(model.source, model.name, model.size) end
    assert.same({
      "huggingface big/Split:big-00001-of-00002.gguf 4",
      "huggingface ggml-org/gemma-3-1b-it-GGUF:gemma-3-1b-it-Q4_K_M.gguf 5", "huggingface ggml-org/gemma-3-1b-it-GGUF:gemma-3-1b-it-Q8_0.gguf 6",
      "llama.cpp Qwen/Qwen3-0.6B-GGUF:Qwen3-0.6B-Q8_0.gguf 7", "llama.cpp plain.gguf 4",
      "ollama ollama:hf.co/bart/Some-GGUF:Q4_K_M 8", "ollama ollama:qwen3:latest 8", "ollama ollama:me/own:v1 4",
    }, names)
  end)

  it("are found by their names", function()
    local hub = "/.cache/huggingface/hub/models--ggml-org--gemma-3-1b-it-GGUF/snapshots/bbb/gemma-3-1b-it-"
    for name, path in pairs {
      ["ollama:qwen3"] = "/.ollama/models/blobs/sha256-ab12", ["ollama:qwen3:latest"] = "/.ollama/models/blobs/sha256-ab12",
        ["ollama:me/own:v1"] = "/.ollama/models/blobs/sha256-cd34",
      ["ggml-org/gemma-3-1b-it-GGUF"] = hub .. "Q4_K_M.gguf", ["ggml-org/gemma-3-1b-it-gguf:q8_0"] = hub .. "Q8_0.gguf", ["gemma-3-1b-it-Q8_0"] = hub .. "Q8_0.gguf",
      ["Qwen/Qwen3-0.6B-GGUF:Q8_0"] = "/.cache/llama.cpp/Qwen_Qwen3-0.6B-GGUF_Qwen3-0.6B-Q8_0.gguf", ["plain.gguf"] = "/.cache/llama.cpp/plain.gguf",
    } do
      assert.equal(path, name_of(find(name)[1]), name)
    end
  end)

  it("are printed by ogl models --local", function()
    local command = ("env -u OGL_URL -u HF_HOME -u XDG_CACHE_HOME HOME=%s OLLAMA_MODELS=/nowhere %s bin/ogl models --local"):format(root, os.getenv "OGL_LUA" or "lua5.4")
    local pipe = assert(io.popen(command))
    local first = pipe:read "*l"
    pipe:close()
    assert.matches("^big/Split:big%-00001%-of%-00002.gguf +0.0 MB  /.*/big%-00001%-of%-00002.gguf$", first)
  end)

  it("may be a path", function()
    local path = helper.write "GGUF"
    assert.equal(path, models.find(path))
  end)

  it("that are missing are told with the command that fetches them", function()
    for name, told in pairs {
      ["ollama:qwen3:99b"] = "; this fetches it: ollama pull qwen3:99b", ["ollama:gone"] = "; this fetches it: ollama pull gone",
        ["ollama:evil"] = "; this fetches it: ollama pull evil",
      ["a/B-GGUF"] = "; this fetches it: hf download a/B-GGUF --include '*.gguf'", ["a/B-GGUF:Q4_K_M"] = "; this fetches it: hf download a/B-GGUF --include '*Q4_K_M*.gguf'",
      ["a/B-GGUF:b.gguf"] = "; this fetches it: hf download a/B-GGUF b.gguf",
        ["/nowhere/x.gguf"] = "; a path of a GGUF file is needed, or a name such as ollama:qwen3 or ggml-org/gemma-3-1b-it-GGUF",
      ["x;rm -rf"] = "; a path of a GGUF file is needed, or a name such as ollama:qwen3 or ggml-org/gemma-3-1b-it-GGUF",
    } do
      local found = find(name)
      assert.is_nil(found[1])
      assert.equal("file", found[2].kind)
      assert.equal(("there is no model %s on this machine%s"):format(name, told), found[2].message)
    end
  end)

  it("are looked for where variables say", function()
    local function count(variables) return environment.with(variables, function() return #models.list() end) end
    assert.equal(0, count { HOME = "/nowhere", OLLAMA_MODELS = "/nowhere" })
    assert.equal(3, count { OLLAMA_MODELS = root .. "/.ollama/models" })
    assert.equal(3, count { HF_HOME = root .. "/.cache/huggingface", OLLAMA_MODELS = "/nowhere" })
    assert.equal(3, count { HF_HUB_CACHE = root .. "/.cache/huggingface/hub", OLLAMA_MODELS = "/nowhere" })
    assert.equal(2, count { LLAMA_CACHE = root .. "/.cache/llama.cpp", OLLAMA_MODELS = "/nowhere" })
    assert.equal(5, count { XDG_CACHE_HOME = root .. "/.cache", OLLAMA_MODELS = "/nowhere" })
  end)
end)
