-- What other servers have and OpenGateLLM does not: speech, images, moderation, files, batches; and transcripts as OpenAI has them.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local recording = require "spec.support.recording"
local registry = require "opengatellm.operations.registry"
local told = require "spec.support.told"

local function client(...) return recording.client("openai_compatible", ...) end

-- The parts of a form: {name, filename, content type, content} each.
local function parts_of(text)
  local boundary, parts = text:match "^%-%-[^\r]+", {}
  local from = #boundary + 3
  while true do
    local stop = text:find("\r\n" .. boundary, from, true)
    if not stop then return parts end
    local head, content = text:sub(from, stop - 1):match "^(.-)\r\n\r\n(.*)$"
    local name, filename, kind = head:match ' name="([^"]*)"', head:match 'filename="([^"]*)"', head:match "Content%-Type: (.*)$"
    parts[#parts + 1] = { name, filename or false, kind or false, content }
    from = stop + #boundary + 4
  end
end

local PNG = "\137PNG\r\n\26\n"
local TEXT = { data = "text", name = "a.jsonl", mime = "application/jsonl" }
local SAID = { headers = { ["content-type"] = "audio/mpeg" }, body = "ID3" }

-- A row a call: its name, what is in the path, the options, method and path, what is sent (nil: nothing), the answer, the result.
local CASES = {
  {
    "speech", {}, {
      input = "Bonjour", voice = "alloy", model = "tts-1", response_format = "mp3", speed = 1.5, instructions = "calm", extra = { lang = "fr" },
    }, "POST /v1/audio/speech",
    { input = "Bonjour", voice = "alloy", model = "tts-1", response_format = "mp3", speed = 1.5, instructions = "calm", lang = "fr" },
    SAID, { data = "ID3", mime = "audio/mpeg", length = 3 },
  },
  {
    "speech", {}, { input = "a", voice = { id = "voice_1" } }, "POST /v1/audio/speech", { input = "a", voice = { id = "voice_1" }, model = "m" },
    SAID, { data = "ID3", mime = "audio/mpeg", length = 3 },
  },
  {
    "images", {}, {
      prompt = "a cat", model = "i", n = 2, size = "1024x1024", quality = "low", background = "opaque", output_format = "webp", output_compression = 50,
      style = "vivid", moderation = "low", user = "u",
    }, "POST /v1/images/generations", {
      prompt = "a cat", model = "i", n = 2, size = "1024x1024", quality = "low", background = "opaque", output_format = "webp", output_compression = 50,
      style = "vivid", moderation = "low", user = "u",
    }, {
      body = '{"created":5,"data":[{"b64_json":"iVBORw0KGgo="},{"b64_json":"AAAA"}],"output_format":"webp","size":"1024x1024","quality":"low",'
        .. '"background":"opaque","usage":{"input_tokens":3,"input_tokens_details":{"image_tokens":0,"text_tokens":3},"output_tokens":7,"total_tokens":10}}',
    }, {
      images = { { data = PNG, mime = "image/png" }, { data = "\0\0\0", mime = "image/webp" } }, created = 5, size = "1024x1024", quality = "low",
      background = "opaque", usage = { input_tokens = 3, output_tokens = 7, total_tokens = 10 },
    },
  },
  {
    "images", {}, { prompt = "a", response_format = "url" }, "POST /v1/images/generations", { prompt = "a", response_format = "url" },
    { body = '{"created":5,"data":[{"url":"https://x/a.png","revised_prompt":"a cat","b64_json":null}]}' },
    { images = { { url = "https://x/a.png", revised_prompt = "a cat" } }, created = 5 },
  },
  {
    "edit_images", {}, { prompt = "a hat", image = { data = PNG, name = "a.png" }, mask = { data = PNG, name = "m.png" }, n = 1, input_fidelity = "high" },
    "POST /v1/images/edits", {
      { "input_fidelity", false, false, "high" }, { "n", false, false, "1" }, { "prompt", false, false, "a hat" },
      { "image", "a.png", "image/png", PNG }, { "mask", "m.png", "image/png", PNG },
    }, { body = '{"data":[{"url":"https://x"}]}' }, { images = { { url = "https://x" } } },
  },
  {
    "edit_images", {}, { prompt = "a", image = { { data = "1", name = "1.png", mime = "image/png" }, { data = "2", name = "2.png", mime = "image/png" } } },
    "POST /v1/images/edits",
    { { "prompt", false, false, "a" }, { "image[]", "1.png", "image/png", "1" }, { "image[]", "2.png", "image/png", "2" } },
    { body = '{"data":[]}' }, { images = {} },
  },
  {
    "moderate", {}, { input = "bad", model = "omni" }, "POST /v1/moderations", { input = "bad", model = "omni" }, {
      body = '{"id":"modr-1","model":"omni","results":[{"flagged":true,"categories":{"violence":true,"hate":false},"category_scores":{"violence":0.9,'
        .. '"hate":0.1},"category_applied_input_types":{"violence":["text"],"hate":[]}}]}',
    }, {
      id = "modr-1", model = "omni", results = {
        {
          flagged = true, categories = { violence = true, hate = false }, scores = { violence = 0.9, hate = 0.1 },
          applied = { violence = { "text" }, hate = {} },
        },
      },
    },
  },
  {
    "moderate", {}, { input = { "a", "b" } }, "POST /v1/moderations", { input = { "a", "b" } },
    { body = '{"results":[{"categories":{"pii":true},"category_scores":{"pii":1}},{"categories":{"pii":false}}]}' },
    { results = { { flagged = true, categories = { pii = true }, scores = { pii = 1 } }, { flagged = false, categories = { pii = false }, scores = {} } } },
  },
  {
    "files.create", {}, { file = TEXT, purpose = "batch" }, "POST /v1/files",
    { { "purpose", false, false, "batch" }, { "file", "a.jsonl", "application/jsonl", "text" } }, { body = '{"id":"file-1","bytes":4}' },
    { id = "file-1", bytes = 4 },
  },
  {
    "files.list", {}, { purpose = "batch", after = "file-0", limit = 2, order = "asc" }, "GET /v1/files?after=file-0&limit=2&order=asc&purpose=batch", nil,
    { body = '{"object":"list","data":[{"id":"file-1"},{"id":"file-2"}],"has_more":true}' }, { { id = "file-1" }, { id = "file-2" } },
  },
  { "files.get", { "file/1" }, nil, "GET /v1/files/file%2F1", nil, { body = '{"id":"file/1"}' }, { id = "file/1" } },
  {
    "files.content", { "file-1" }, nil, "GET /v1/files/file-1/content", nil, { headers = { ["content-type"] = "text/plain" }, body = "a\nb" },
    { data = "a\nb", mime = "text/plain", length = 3 },
  },
  { "files.delete", { "file-1" }, nil, "DELETE /v1/files/file-1", nil, { body = '{"id":"file-1","deleted":true}' }, { id = "file-1", deleted = true } },
  {
    "batches.create", {}, { input_file_id = "file-1", endpoint = "/v1/embeddings", metadata = { a = "b" } }, "POST /v1/batches",
    { input_file_id = "file-1", endpoint = "/v1/embeddings", metadata = { a = "b" }, completion_window = "24h" },
    { body = '{"id":"batch_1","status":"validating","errors":null}' }, { id = "batch_1", status = "validating" },
  },
  { "batches.list", {}, { limit = 1 }, "GET /v1/batches?limit=1", nil, { body = '{"data":[{"id":"batch_1"}],"has_more":false}' }, { { id = "batch_1" } } },
  { "batches.get", { "batch_1" }, nil, "GET /v1/batches/batch_1", nil, { body = '{"id":"batch_1"}' }, { id = "batch_1" } },
  { "batches.cancel", { "batch_1" }, nil, "POST /v1/batches/batch_1/cancel", nil, { body = '{"status":"cancelling"}' }, { status = "cancelling" } },
  {
    "transcribe", {}, { file = { data = "ID3", name = "a.mp3" }, timestamp_granularities = { "word", "segment" } }, "POST /v1/audio/transcriptions", {
      { "model", false, false, "m" }, { "response_format", false, false, "verbose_json" }, { "timestamp_granularities[]", false, false, "word" },
      { "timestamp_granularities[]", false, false, "segment" }, { "file", "a.mp3", "audio/mpeg", "ID3" },
    },
    { body = '{"text":"a","duration":1.5,"words":[{"word":"a","start":0,"end":0.5}],"segments":[],"usage":{"type":"duration","seconds":2}}' },
    { text = "a", format = "verbose_json", duration = 1.5, words = { { word = "a", start = 0, ["end"] = 0.5 } }, segments = {} },
  },
  {
    "transcribe", {}, { file = { data = "ID3", name = "a.mp3" } }, "POST /v1/audio/transcriptions",
    { { "model", false, false, "m" }, { "file", "a.mp3", "audio/mpeg", "ID3" } },
    { body = '{"text":"a","usage":{"type":"tokens","input_tokens":14,"output_tokens":3,"total_tokens":17}}' },
    { text = "a", format = "json", usage = { input_tokens = 14, output_tokens = 3, total_tokens = 17 } },
  },
}

describe("beyond OpenGateLLM", function()
  for i, case in ipairs(CASES) do
    it(("%s sends what it should, and tells the answer (%d)"):format(case[1], i), function()
      local c, requests = client(case[6])
      local result, err = told.perform(c, case[1], case[2], case[3])
      assert.is_nil(err)
      local request = requests[1]
      assert.equal(case[4]:gsub(" ", " http://server", 1), request.method .. " " .. request.url)
      local text = request.text
      if type(request.body) == "table" then assert.same(case[5], parts_of(text))
      else assert.same(case[5], text and json.decode(text)) end
      assert.same(case[7], result)
    end)
  end

  it("has a case for every row", function()
    local seen = { ["batches.results"] = true } -- below
    for _, case in ipairs(CASES) do seen[case[1]] = true end
    for _, row in ipairs(registry.all()) do assert.is_true(not row.only_others or seen[row.name], row.name) end
  end)
end)

describe("before anything is sent", function()
  local c, requests = client { body = "{}" }
  local PICTURE = { data = PNG }

  it("misuse raises", function()
    for message, call in pairs {
      ["client:speech: input: it is required"] = function() c:speech { voice = "a" } end,
      ["client:speech: voice: it is required"] = function() c:speech { input = "a" } end,
      ["client:speech: write: expected function, got string"] = function() c:speech { input = "a", voice = "b", write = "c" } end,
      ["client:images: prompt: it is required"] = function() c:images() end,
      ["client:images: n: expected integer, got number"] = function() c:images { prompt = "a", n = 1.5 } end,
      ["client:edit_images: image: expected string %(a path%), table or a list of those, got number"] = function() c:edit_images { prompt = "a", image = 5 } end,
      ["client:edit_images: image: expected a list of string %(a path%) or table, got table"] = function() c:edit_images { prompt = "a", image = { 5 } } end,
      ["client:moderate: input: it is required"] = function() c:moderate {} end,
      ["client.files:create: purpose: it is required"] = function() c.files:create { file = TEXT } end,
      ["client.files:get: id: it is required"] = function() c.files:get() end,
      ["client.batches:create: endpoint: it is required"] = function() c.batches:create { input_file_id = "f" } end,
      ["client.batches:results: errors: expected boolean, got string"] = function() c.batches:results("b", { errors = "x" }) end,
    } do
      local fine, raised = pcall(call)
      assert.is_false(fine)
      assert.matches("openai_routes_spec.lua:%d+: " .. message:gsub("^client%.", "client%%."), raised)
    end
    assert.equal(0, #requests)
  end)

  it("a limit is an error", function()
    for name, call in pairs {
      input = function() return c:speech { input = "", voice = "a" } end,
      speed = function() return c:speech { input = "a", voice = "a", speed = 5 } end,
      voice = function() return c:speech { input = "a", voice = 5 } end,
      path = function() return c:speech { input = "a", voice = "a", path = "x", write = print } end,
      stream_format = function() return c:speech { input = "a", voice = "a", stream_format = "sse" } end,
      n = function() return c:images { prompt = "a", n = 11 } end,
      background = function() return c:images { prompt = "a", background = "red" } end,
      output_compression = function() return c:images { prompt = "a", output_compression = 101 } end,
      stream = function() return c:images { prompt = "a", stream = true } end,
      image = function() return c:edit_images { prompt = "a", image = {} } end,
      mask = function() return c:edit_images { prompt = "a", image = PICTURE, mask = { url = "https://x" } } end,
      limit = function() return c.batches:list { limit = 101 } end,
      order = function() return c.files:list { order = "up" } end,
      timestamp_granularities = function()
        return c:transcribe { file = { data = "x" }, timestamp_granularities = { "word" }, response_format = "srt" }
      end,
    } do
      local result, err = call()
      assert.same({ nil, "invalid", name }, { result, err.kind, err.fields[1].path })
    end
    for _, input in ipairs { {}, 5 } do assert.equal("input", select(2, c:moderate { input = input }).fields[1].path) end
    local images = {}
    for i = 1, 17 do images[i] = PICTURE end
    assert.equal("image: should have at most 16 items, has 17", select(2, c:edit_images { prompt = "a", image = images }).message:match "image: .*")
    assert.matches("not an address", select(2, c:edit_images { prompt = "a", image = { url = "https://x" } }).message)
    assert.equal("stream", select(2, c:transcribe { file = { data = "x" }, stream = true }).fields[1].path)
    assert.equal("file", select(2, c:edit_images { prompt = "a", image = { PICTURE, "/nowhere.png" } }).kind)
    assert.equal("file", select(2, c.files:create { file = "/nowhere.jsonl", purpose = "batch" }).kind)
    assert.equal(0, #requests)
  end)
end)

describe("an answer that is something else", function()
  it("is an error", function()
    for _, body in ipairs { "[]", '{"data":5,"results":5}', '{"data":[5],"results":[5]}', '{"data":[{}],"results":[{}]}', '{"data":[{"b64_json":"!"}]}', "x" } do
      local c = client { body = body }
      for _, call in ipairs {
        function() return c:images { prompt = "a" } end, function() return c:edit_images { prompt = "a", image = { data = PNG } } end,
        function() return c:moderate { input = "a" } end,
      } do
        local result, err = call()
        assert.is_nil(result)
        assert.equal("protocol", err.kind)
      end
    end
  end)
end)

describe("speech", function()
  it("goes into a file or to a function", function()
    local path = helper.directory() .. "/" .. helper.id()
    assert.same({ path = path, mime = "audio/mpeg", length = 3 }, assert(client(SAID):speech { input = "a", voice = "b", path = path }))
    assert.equal("ID3", assert(io.open(path)):read "*a")
    local text = ""
    local c, requests = client(SAID)
    assert(c:speech { input = "a", voice = "b", write = function(bytes) text = text .. bytes end })
    assert.equal("ID3", text)
    assert.same({ input = "a", voice = "b", model = "m" }, json.decode(requests[1].text)) -- neither path nor write is sent
  end)
end)

describe("lists that go on after an id", function()
  local function page(ids, more)
    local data = {}
    for i, id in ipairs(ids) do data[i] = { id = id } end
    return { body = json.encode { data = json.array(data), has_more = more } }
  end

  local function walk(resource, options, ...)
    local c, requests = client(...)
    local found = {}
    for item in c[resource]:each(options) do found[#found + 1] = item.id end
    return found, requests
  end

  it("are walked to their end", function()
    local found, requests = walk("files", { purpose = "batch" }, page({ "a", "b" }, true), page({ "c" }, true), page({}, false))
    assert.same({ "a", "b", "c" }, found)
    local urls = {}
    for i, request in ipairs(requests) do urls[i] = request.url:match "?(.*)" end
    assert.same({ "limit=100&purpose=batch", "after=b&limit=100&purpose=batch", "after=c&limit=100&purpose=batch" }, urls)
    found, requests = walk("batches", { limit = 1, after = "0" }, page({ "a" }, false))
    assert.same({ "a" }, found)
    assert.equal("after=0&limit=1", requests[1].url:match "?(.*)")
    assert.same({ "a" }, walk("batches", nil, page({ "a" }))) -- it does not say whether there is more
    assert.same({}, walk("batches", nil, page({})))
  end)

  it("say whether they have more", function() assert.is_true(assert(client(page({ "a" }, true)).files:list()).has_more) end)

  it("end with an error where a server does not look at `after`", function()
    local fine, err = pcall(walk, "files", nil, page({ "a" }, true))
    assert.same({ false, "protocol" }, { fine, err.kind })
    fine, err = pcall(walk, "files", nil, { status = 500, body = "" })
    assert.same({ false, 500 }, { fine, err.status })
  end)
end)

describe("the results of a batch", function()
  local DONE = { body = '{"id":"b","status":"completed","output_file_id":"file/o","error_file_id":"e"}' }
  local OUTPUT = {
    body = '{"id":"r1","custom_id":"q1","response":{"status_code":200,"request_id":"x","body":{"choices":[]}},"error":null}\n\n'
      .. '{"id":"r2","custom_id":"q2","response":{"status_code":200,"body":{}}}\n', chunk = 7,
  }
  local FAILED = { body = '{"custom_id":"q3","response":null,"error":{"code":"batch_expired"}}' }

  local function all(results)
    local found = {}
    for line in results do found[#found + 1] = line end
    return found
  end

  it("come line by line", function()
    local c, requests, transport = client(DONE, OUTPUT)
    local results = assert(c.batches:results "b")
    assert.equal(1, #requests)
    local found = all(results)
    assert.same({
      { id = "r1", custom_id = "q1", response = { status_code = 200, request_id = "x", body = { choices = {} } } },
      { id = "r2", custom_id = "q2", response = { status_code = 200, body = {} } },
    }, found)
    assert.same({ "http://server/v1/batches/b", "http://server/v1/files/file%2Fo/content" }, { requests[1].url, requests[2].url })
    assert.equal(transport.opened, transport.closed)
  end)

  it("end with those that failed, where they are asked for or are all", function()
    local found = all(assert(client(DONE, OUTPUT, FAILED).batches:results("b", { errors = true })))
    assert.same({ 3, "q3", "batch_expired" }, { #found, found[3].custom_id, found[3].error.code })
    assert.equal(1, #all(assert(client({ body = '{"status":"expired","error_file_id":"e"}' }, FAILED).batches:results "b")))
  end)

  it("may be left before their end", function()
    local c, _, transport = client(DONE, OUTPUT)
    local results = assert(c.batches:results "b")
    results()
    results:close()
    assert.same({ nil, transport.opened }, { results(), transport.closed })
  end)

  it("are an error where there are none yet, or no such batch", function()
    for status, retryable in pairs { in_progress = true, failed = false } do
      local results, err = client({ body = '{"status":"' .. status .. '"}' }).batches:results "b"
      assert.same({ nil, "incomplete", "no_results", retryable }, { results, err.kind, err.code, err.retryable })
      assert.matches(status, err.message)
    end
    assert.equal(404, select(2, client({ status = 404, body = "" }).batches:results "b").status)
  end)

  it("raise what goes wrong on the way", function()
    local broken = errors.new { kind = "network", message = "the connection broke" }
    for kind, answer in pairs {
      protocol = { body = '{"id":"r1"}\nnonsense\n' }, network = { body = { '{"id":"r1"}\n{', broken } }, http = { status = 404, body = "" },
    } do
      local fine, err = pcall(all, assert(client(DONE, answer).batches:results "b"))
      assert.same({ false, kind, "openai_compatible" }, { fine, err.kind, err.provider })
    end
  end)
end)

describe("recorded answers", function()
  it("of speech and of transcripts are told", function()
    local audio = recording.bytes "ruby_openai/audio/speech_tts-1_test__0.bin"
    if not audio then return pending(recording.ABSENT) end
    local c = client { headers = { ["content-type"] = "audio/mpeg" }, body = audio }
    local speech = assert(c:speech { input = "This is a speech test!", voice = "alloy", model = "tts-1" })
    assert.same({ audio, "audio/mpeg", #audio }, { speech.data, speech.mime, speech.length })
    for file, text in pairs {
      ["ruby_openai/audio/audio_whisper-1_transcribe__0.json.body"] = "It is eleven, Concierge",
      ["envoy_aigw/audio/tests_internal_testopenai_cassettes_audio-transcription-basic__0.json.body"] = "The sun rises in the east",
    } do
      local transcript = assert(client({ body = recording.bytes(file) }):transcribe { file = { data = "ID3" }, model = "whisper-1" })
      assert.truthy(transcript.text:find(text, 1, true))
      assert.is_nil(transcript.usage)
    end
  end)
end)
