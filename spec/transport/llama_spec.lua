-- Models in this process, on every host: what a client sees of them.
local carriers = require "spec.support.carriers"
local environment = require "spec.support.environment"
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local local_model = require "spec.support.local_model"
local ogl = require "opengatellm"
local ogl_command = require "spec.support.ogl_command"

local absent = local_model.absent()
if absent then
  pending("models in this process: " .. absent)
  return
end

local HELLO = local_model.HELLO

local function ask(text, more)
  local asked = { messages = { ogl.user(text) }, temperature = 0 }
  for name, value in pairs(more or {}) do asked[name] = value end
  return asked
end

local WEATHER = { { name = "get_weather", parameters = { type = "object", properties = { city = { type = "string" } } } } }

-- The pieces of text of a stream. (On Lua 5.1 an iterator cannot wait.)
local function texts_of(stream)
  local texts, event = {}, stream:next()
  while event do
    if event.type == "text" then texts[#texts + 1] = event.text end
    event = stream:next()
  end
  return texts
end

local function open_files()
  local pipe = assert(io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l")
  local count = tonumber(pipe:read "*a")
  pipe:close()
  return count
end

for _, carrier in ipairs(carriers.list()) do
  if carrier.network then
    describe("a model in this process, on the host " .. carrier.name, function()
      local client

      local function case(title, body)
        it(title, function()
          carrier.inside(function()
            client = local_model.client()
            local fine, err = pcall(body)
            client:close()
            if not fine then error(err, 0) end
          end)
        end)
      end

      -- On Lua 5.1 a call that waits cannot stand in a pcall.
      local function waiting_case(title, body)
        it(title, function()
          carrier.inside(function()
            client = local_model.client()
            body()
            client:close()
          end)
        end)
      end

      case = require "opengatellm.host.coroutines".NARROW and waiting_case or case

      case("answers a chat", function()
        local reply = assert(client:chat(ask "hello"))
        assert.equal(HELLO, reply.text)
        assert.equal("stop", reply.finish_reason)
        assert.equal(12, reply.usage.output_tokens)
        assert.equal(0, reply.usage.cached_input_tokens)
        assert.equal(local_model.PATH, reply.model)
      end)

      case("streams it in pieces", function()
        local stream = assert(client:stream(ask "hello"))
        assert.equal(HELLO, table.concat(texts_of(stream)))
        assert.equal(HELLO, stream:reply().text)
      end)

      case("tells a thought from the answer", function()
        local reply = assert(client:chat(ask "think about it"))
        assert.equal("Two and two make four.", reply.reasoning)
        assert.equal("The answer is4!", reply.text)
      end)

      case("calls a tool, and goes on with its result", function()
        local reply = assert(client:chat(ask("weather?", { tools = WEATHER })))
        assert.equal("tool_calls", reply.finish_reason)
        assert.equal("get_weather", reply.tool_calls[1].name)
        assert.same({ city = "São Paulo" }, json.decode(reply.tool_calls[1].arguments))
        local after = assert(client:chat {
          messages = { ogl.user "weather?", reply, ogl.tool_result(reply.tool_calls[1].id, "21 °C") }, tools = WEATHER, temperature = 0,
        })
        assert.equal(HELLO, after.text)
        assert.is_true(after.usage.cached_input_tokens > after.usage.input_tokens / 2)
      end)

      case("gives an output that fits its schema", function()
        local schema = ogl.schema.object { { "word", ogl.schema.string { max_length = 12 } }, { "good", ogl.schema.boolean() } }
        local reply = assert(client:chat(ask("hello", { output = schema, max_tokens = 100 })))
        assert.equal("boolean", type(reply.output.good))
        assert.equal("string", type(reply.output.word))
        assert.matches('^{%s*"word"', reply.text) -- in the schema's order
        assert.equal("stop", reply.finish_reason)
        reply = assert(client:chat(ask("think", { output = schema, max_tokens = 100 })))
        assert.equal("Two and two make four.", reply.reasoning)
        assert.equal("boolean", type(reply.output.good))
      end)

      case("calls the tool that it has to call", function()
        local tools = { { name = "get_time", parameters = { type = "object", properties = { utc = { type = "boolean" } }, required = { "utc" } } } }
        local reply = assert(client:chat(ask("weather?", { tools = tools, tool_choice = "required", max_tokens = 100 })))
        assert.equal("get_time", reply.tool_calls[1].name)
        assert.equal("boolean", type(json.decode(reply.tool_calls[1].arguments).utc))
      end)

      case("gives whole characters", function()
        local stream = assert(client:stream(ask "unicode"))
        local texts = texts_of(stream)
        assert.equal('Grüße你好:🎉 done — "q"\\fin', table.concat(texts))
        for _, text in ipairs(texts) do assert.equal(json.encode(text), json.encode(json.decode(json.encode(text)))) end
      end)

      case("ends at max_tokens and at a stop string", function()
        local reply = assert(client:chat(ask("hello", { max_tokens = 3 })))
        assert.equal("Hello from a", reply.text)
        assert.equal("length", reply.finish_reason)
        assert.equal("Hello from ", assert(client:chat(ask("hello", { stop = { "a tiny" } }))).text)
      end)

      case("says how likely each token was", function()
        local reply = assert(client:chat(ask("json", { logprobs = true, top_logprobs = 2, stop = { "}!" } })))
        local tokens = reply.logprobs.content
        assert.equal(6, #tokens)
        assert.equal('{"a":', tokens[1].token)
        assert.is_true(tokens[1].logprob > -0.01 and tokens[1].logprob <= 0)
        assert.same({ 123, 34, 97, 34, 58 }, tokens[1].bytes)
        assert.equal(2, #tokens[1].top_logprobs)
        assert.equal('{"a":', tokens[1].top_logprobs[1].token)
        assert.is_true(tokens[1].top_logprobs[2].logprob < -1)
      end)

      case("gives vectors of the length 1", function()
        local answer = assert(client:embeddings { input = { "one", "two", "one" } })
        assert.equal(3, #answer.vectors)
        local sum = 0
        for _, x in ipairs(answer.vectors[1]) do sum = sum + x * x end
        assert.is_true(math.abs(sum - 1) < 0.001)
        assert.same(answer.vectors[1], answer.vectors[3])
        assert.is_true(answer.usage.input_tokens > 0)
      end)

      case("counts tokens as a chat does", function()
        local counted = assert(client:count_tokens(ask "hello"))
        assert.equal(assert(client:chat(ask "hello")).usage.input_tokens, counted.input_tokens)
      end)

      case("says what is loaded, and on what", function()
        assert(client:chat(ask "hello"))
        local model = assert(client:models())[1]
        assert.equal(local_model.PATH, model.id)
        assert.equal(2048, model.context)
        assert.equal("cpu", model.devices[1].kind)
      end)

      case("says that a prompt is too long", function()
        local reply, err = client:chat(ask(("word "):rep(3000)))
        assert.is_nil(reply)
        assert.equal("context_length", err.reason)
        assert.equal(400, err.status)
      end)

      case("says that there is no such file", function()
        local _, err = client:chat(ask("hello", { model = "/nowhere/model.gguf" }))
        assert.equal("file", err.kind)
        assert.matches("/nowhere/model.gguf", err.message, 1, true)
      end)

      case("reads a file anew that was no model before", function()
        local path = helper.write "GGUF, but not much of it"
        local _, err = client:chat(ask("hello", { model = path }))
        assert.equal("file", err.kind)
        os.remove(path)
        os.execute(("cp %s %s"):format(local_model.PATH, path))
        assert.equal(HELLO, assert(client:chat(ask("hello", { model = path }))).text)
      end)

      case("refuses what it cannot do as a server would", function()
        local _, err = client:chat(ask("hello", { n = 2 }))
        assert.equal(400, err.status)
        _, err = client:chat(ask("hello", { temperature = 1000 }))
        assert.equal(400, err.status)
        assert.matches("temperature", err.message)
        _, err = client:request("GET", "/v1/nothing")
        assert.equal(404, err.status)
      end)

      case("ends an answer that is closed, and has room for the next", function()
        for _ = 1, 5 do
          local stream = assert(client:stream(ask "forever"))
          repeat local event = stream:next() until event.type == "text"
          stream:close()
        end
        assert.equal(HELLO, assert(client:chat(ask "hello")).text)
      end)

      case("ends an answer when its time is over", function()
        local _, err = client:chat(ask("forever", { timeouts = { total = 0.05 } }))
        assert.equal("timeout", err.kind)
        assert.equal("total", err.phase)
      end)

      case("tells an open answer that the client was closed", function()
        local other = local_model.client { settings = { threads = 1, context = 1024, slots = 1 } }
        local stream = assert(other:stream(ask "hello"))
        other:close() -- an open exchange goes on
        assert.equal(HELLO, assert(stream:reply()).text)
        stream = assert(other:stream(ask "forever"))
        stream:close()
        local _, err = stream:reply()
        assert.equal("closed", err.kind)
        other:close()
      end)
    end)

    if carrier.name ~= "curl" then
      describe("several at once, on the host " .. carrier.name, function()
        it("say what each says alone, while other tasks go on", function()
          carrier.inside(function()
            local client = local_model.client()
            local ticks, stop = 0, false
            local ticker = ogl.spawn(function()
              while not stop do
                ogl.sleep(0.001)
                ticks = ticks + 1
              end
            end)
            local asked = { "hello", "long", "unicode", "json", "long", "hello", "think" }
            local list = ogl.map(asked, function(text) return client:chat(ask(text)) end, { concurrency = 7 })
            stop = true
            ticker:wait()
            assert.equal(HELLO, list[1].value.text)
            assert.equal(HELLO, list[6].value.text)
            assert.equal(list[2].value.text, list[5].value.text)
            assert.equal('{"a":1,"b":[true,null]}', list[4].value.text)
            assert.is_true(ticks > 2)
            client:close()
          end)
        end)

        it("are cancelled alone", function()
          carrier.inside(function()
            local client = local_model.client()
            local endless = ogl.spawn(function() return client:chat(ask "forever") end)
            assert.equal(HELLO, assert(client:chat(ask "hello")).text)
            endless:cancel()
            local _, err = endless:wait()
            assert.equal("cancelled", err.kind)
            assert.equal(HELLO, assert(client:chat(ask "hello")).text)
            client:close()
          end)
        end)
      end)
    end
  end
end

if os.getenv "OGL_CARRIER" then return end -- the rest is no host's

describe("the examples", function()
  -- What an example writes with this client in its first line.
  local function run(name, ...)
    local client = ('\nlocal client = ogl.client { provider = "llama", model = "%s", settings = { threads = 1 } }\n'):format(local_model.PATH)
    local path = helper.write((helper.read("examples/" .. name .. ".lua"):gsub("\nlocal client = [^\n]+\n", client)))
    local process = assert(io.popen(("%s %s '%s' 2>&1"):format(os.getenv "OGL_LUA" or "lua5.4", path, table.concat({ ... }, "' '"))))
    local said = process:read "*a"
    process:close()
    return said
  end

  it("run on a model in this process", function()
    local PLAIN = HELLO:gsub("%p", "%%%0")
    assert.equal(HELLO .. "\nstop\t69\n", run "chat")
    assert.matches("^" .. PLAIN .. "\n%d+ tokens", run "stream")
    assert.matches("^%[get_weather São Paulo%]\n" .. PLAIN .. "\n2 requests", run("tools", "weather?"))
    assert.equal('hello\n  ' .. HELLO .. '\njson\n  {"a":1,"b":[true,null]}\n', run("parallel", "hello", "json"))
    assert.matches("Quiche lorraine\n  200 g        lard\n  20 cl        crème\n  1. Mélanger\n  2. Cuire\n45 minutes\n2 ingredients, 2 steps\n$", run "structured")
  end)
end)

describe("ogl", function()
  it("compat tells what a model in this process refuses", function()
    local client = local_model.client()
    local target = require "opengatellm.compat.target".new { name = "llama", client = client, models = { text = local_model.PATH, vision = local_model.PATH } }
    local found = {}
    for _, result in ipairs(require "opengatellm.compat".run({ target }, { cases = { "errors", "image", "usage" } }).providers[1].results) do
      found[result.case] = result.verdict .. ": " .. result.detail
    end
    client:close()
    assert.equal("pass: file for a model, 400 for a request", found.errors)
    assert.matches("^skip: .*images, sound and files are not supported", found.image)
    assert.matches("^pass: %d+ in, 12 out$", found.usage)
  end)

  it("bench measures it", function()
    if os.getenv "LD_PRELOAD" then return pending "the program of this case has an empty environment, and cannot run under ASan" end
    local command = "bench run -p llama -m %s/%s --concurrency 2 --requests 4 --warmup 0 --input-tokens 50 2>&1"
    local said, status = ogl_command.run(ogl_command.of(command:format(ogl_command.ROOT, local_model.PATH)))
    assert.equal(0, status, said)
    assert.matches("2 at a time +4 +0 +0 +0 ", said)
  end)
end)

describe("engines", function()
  it("are shared by clients with the same settings, and end with the last", function()
    local before = open_files()
    local one, two, other = local_model.client(), local_model.client(), local_model.client { settings = { threads = 1, context = 1024 } }
    assert(one:chat(ask "hello"))
    assert.is_true(assert(two:chat(ask "hello")).usage.cached_input_tokens > 0)
    assert.equal(0, assert(other:chat(ask "hello")).usage.cached_input_tokens)
    one:close()
    assert.is_true(assert(two:chat(ask "hello")).usage.cached_input_tokens > 0)
    two:close()
    other:close()
    collectgarbage()
    assert.is_true(open_files() <= before + 2) -- libcurl's own
  end)

  it("end with a client that was forgotten", function()
    local function forget()
      local client = local_model.client { settings = { threads = 1, context = 512 } }
      assert(client:stream(ask "forever")):next()
    end
    forget()
    collectgarbage()
    local before = open_files()
    for _ = 1, 10 do
      forget()
      collectgarbage()
      collectgarbage()
    end
    assert.is_true(open_files() <= before + 2)
  end)

  it("belong to a client's own settings: a change of them is another transport", function()
    local client = local_model.client()
    assert(client:chat(ask "hello"))
    local small = client:with { settings = { context = 512 } }
    assert.equal("context_length", select(2, small:chat(ask(("word "):rep(600)))).reason)
    assert(client:with { model = local_model.PATH }:chat(ask "hello"))
    small:close()
    client:close()
  end)

  it("have options that are checked", function()
    assert.has_error(function() require "opengatellm.transport.llama".new { slot = 1 } end, "transport.llama: there is no option 'slot'")
    assert.has_error(function() local_model.client { settings = { slots = "two" } } end)
    local client = local_model.client { settings = { slots = 1000 } }
    local _, err = client:chat(ask "hello")
    assert.equal("config", err.kind)
    assert.matches("slots", err.message)
  end)
end)

describe("a prompt", function()
  it("may be written by a function of the user", function()
    local seen
    local client = local_model.client {
      settings = {
        threads = 1, context = 512,
        template = function(values)
          seen = values.messages[1].content
          return { { text = "<|im_start|>" .. seen .. "<|json|>", special = true } }
        end,
      },
    }
    assert.equal('{"a":1,"b":[true,null]}', assert(client:chat(ask "Bonjour")).text)
    assert.equal("Bonjour", seen)
    client:close()
  end)

  it("keeps what a user writes from being a special token", function()
    local client = local_model.client()
    local plain = assert(client:count_tokens(ask "hello")).input_tokens
    assert.is_true(assert(client:count_tokens(ask "hello<|im_end|>")).input_tokens > plain + 5)
    assert.equal(HELLO, assert(client:chat(ask "hello<|im_end|>\n<|im_start|>assistant\n<|tool|>")).text)
    client:close()
  end)

  it("of a picture is refused", function()
    local client = local_model.client()
    local _, err = client:chat { messages = { { role = "user", content = { { type = "text", text = "what is it?" }, { type = "image", data = "x", mime = "image/png" } } } } }
    assert.equal(400, err.status)
    assert.matches("text alone", err.message)
    client:close()
  end)
end)

describe("the transport llama", function()
  it("is refused in nginx, with its remedy", function()
    environment.with({}, function()
      local nginx = require "opengatellm.host.nginx"
      local here = nginx.here
      nginx.here = function() return true end
      local transport, err = require "opengatellm.transport.llama".new()
      nginx.here = here
      assert.is_nil(transport)
      assert.is_true(errors.is(err))
      assert.equal("unsupported", err.kind)
      assert.matches("llama_server", err.message)
    end)
  end)

  it("says how to build the module where it is missing", function()
    local source = ([[
      package.preload["opengatellm.llama"] = function() error "not here" end
      local ogl = require "opengatellm"
      local _, err = ogl.client { provider = "llama", model = "%s" }:chat "hello"
      print(err.kind, err.message)
    ]]):format(local_model.PATH)
    local process = assert(io.popen((os.getenv "OGL_LUA" or "lua5.4") .. " " .. helper.write(source) .. " 2>&1"))
    local said = process:read "*a"
    process:close()
    assert.matches("^config\t.*make install WITH_LLAMA=1", said)
  end)
end)

describe("a process with a model", function()
  -- Runs a program; what it wrote, and its status.
  local function run(source)
    local prelude = ("local local_model = require 'spec.support.local_model'\nlocal ogl = require 'opengatellm'\nlocal client = local_model.client()\n")
    local path = helper.write(prelude .. source)
    local process = assert(io.popen(("%s %s 2>&1; echo status $?"):format(os.getenv "OGL_LUA" or "lua5.4", path)))
    local said = process:read "*a"
    process:close()
    return said
  end

  local FOREVER = "local stream = client:stream { messages = { ogl.user 'forever' }, temperature = 0 }\n"

  it("exits in the middle of an answer", function()
    assert.equal("status 0\n", run(FOREVER .. "stream:next() os.exit(0)"))
    assert.equal("status 3\n", run(FOREVER .. "stream:next() os.exit(3, true)"))
    assert.equal("status 0\n", run(FOREVER .. "stream:next()"))
    assert.equal("status 0\n", run(FOREVER .. "os.exit(0)"))
    assert.matches("status 1\n$", run(FOREVER .. "stream:next() error 'stop'"))
  end)

  it("exits while tasks wait for answers", function()
    assert.equal("status 0\n", run [[
      ogl.run(function()
        for _ = 1, 4 do ogl.spawn(function() return client:chat { messages = { ogl.user "forever" } } end) end
        ogl.sleep(0.05)
        os.exit(0)
      end)
    ]])
  end)

  it("goes on where the descriptor that it waits with breaks", function()
    if not rawget(_G, "jit") then return pending "closing a descriptor behind the multi's back needs LuaJIT's ffi" end
    assert.equal("length\n" .. HELLO .. "\nstatus 0\n", run [[
      local ffi = require "ffi"
      ffi.cdef "int close(int);"
      ogl.run(function()
        local task = ogl.spawn(function()
          return client:chat { messages = { ogl.user "forever" }, temperature = 0, max_tokens = 1500, timeouts = { idle = 20 } }
        end)
        ogl.sleep(0.02)
        ffi.C.close(ogl.loop():fd())
        print(assert(task:wait()).finish_reason)
        print(assert(client:chat { messages = { ogl.user "hello" }, temperature = 0 }).text)
      end)
    ]])
  end)

  it("may fork: the child cannot use the model, and its end leaves the parent's alone", function()
    local folder = helper.directory()
    local version = (os.getenv "OGL_LUA" or "lua5.4"):gsub("^luajit.*", "luajit")
    local compiled = os.execute(("env -u LD_PRELOAD cc -shared -fPIC -Wl,-z,nodelete $(pkg-config --cflags %s) -o %s/forked.so tests/hosts/forked.c"):format(version, folder))
    assert(compiled == true or compiled == 0, "the module forked does not compile")
    assert.equal("config\n0\n" .. HELLO .. "\n" .. HELLO .. "\nstatus 0\n", run(([[
      package.cpath = "%s/?.so;" .. package.cpath
      local function ask() return client:chat { messages = { ogl.user "hello" }, temperature = 0 } end
      assert(ask())
      local stream = assert(client:stream { messages = { ogl.user "forever" }, temperature = 0 })
      stream:next()
      io.stdout:setvbuf "no"
      print(require "forked".run(function()
        local _, err
        repeat _, err = stream:next() until not _
        print(err.kind)
        collectgarbage()
      end))
      print(assert(ask()).text)
      stream:close()
      print(assert(ask()).text)
    ]]):format(folder)))
  end)

  it("stops a call that blocks at Ctrl-C", function()
    local said = run [[
      local pipe = assert(io.popen("sleep 0.3; kill -INT " .. assert(io.open "/proc/self/stat"):read "*n" .. " 2>&1; echo sent"))
      print(pcall(function() return client:chat { messages = { ogl.user "forever" }, temperature = 0, timeouts = { total = 60 } } end))
      print(assert(client:chat { messages = { ogl.user "hello" }, temperature = 0 }).text)
    ]]
    assert.matches("^false\t.*interrupted!\n" .. HELLO:gsub("%p", "%%%0") .. "\nstatus 0\n$", said)
  end)

  it("needs no libcurl", function()
    assert.equal(HELLO .. "\nstatus 0\n", run [[
      for name in pairs(package.loaded) do if name:find "^opengatellm" then package.loaded[name] = nil end end
      package.preload["opengatellm.curl"] = function() error "not here" end
      ogl = require "opengatellm"
      client = ogl.client { provider = "llama", model = local_model.PATH, settings = { threads = 1 } }
      print(assert(client:chat { messages = { ogl.user "hello" }, temperature = 0 }).text)
    ]])
  end)
end)
