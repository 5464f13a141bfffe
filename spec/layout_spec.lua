-- What the tree promises its reader: every file has its registry line, its place in the rockspec and its direction of includes.

local helper = require "spec.helper"

local function files(pattern)
  local pipe, list = assert(io.popen("ls -d " .. pattern .. " 2>/dev/null")), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function rockspec(path)
  local env = {}
  local chunk
  path = path or "rockspec/opengatellm-scm-1.rockspec"
  if setfenv then chunk = setfenv(assert(loadfile(path)), env) else chunk = assert(loadfile(path, "t", env)) end
  chunk()
  return env
end

local LUA = "lua/opengatellm/*.lua lua/opengatellm/*/*.lua lua/opengatellm/*/*/*.lua"

describe("the rockspec", function()
  it("is the only one in its folder", function() assert.equal(1, #files "rockspec/*.rockspec") end)

  it("lists every Lua file under its module's name, and no other", function()
    local wanted, listed = {}, {}
    for _, path in ipairs(files(LUA)) do
      wanted[path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", "")] = path
    end
    for name, value in pairs(rockspec().build.modules) do
      if type(value) == "string" then listed[name] = value end
    end
    assert.same(wanted, listed)
  end)

  it("lists every C file", function()
    local modules, seen = rockspec().build.modules, {}
    for _, name in ipairs { "opengatellm.core", "opengatellm.curl", "opengatellm.system" } do
      for _, path in ipairs(modules[name].sources) do seen[path] = true end
    end
    local optional = rockspec "rockspec/llama/opengatellm-llama-scm-1.rockspec".build.modules["opengatellm.llama"]
    for _, path in ipairs(optional.sources) do seen[path] = true end
    local wanted = {}
    for _, path in ipairs(files "csrc/*/*.c") do wanted[path] = true end
    assert.same(wanted, seen)
  end)
end)

describe("the layers", function()
  it("include in one direction", function()
    for folder, forbidden in pairs {
      core = { "lua%.h", "lauxlib", "curl/", "%.%./" }, protocol = { "lua%.h", "lauxlib", "curl/", "%.%./lua", "%.%./curl" },
      curl = { "lua%.h", "lauxlib", "%.%./lua", "%.%./protocol", "%.%./system" },
      llama = { "lua%.h", "lauxlib", "curl/", "%.%./lua", "%.%./protocol", "%.%./system", "%.%./curl" },
      system = { "lua%.h", "lauxlib", "curl/", "%.%./lua", "%.%./protocol" },
    } do
      for _, path in ipairs(files("csrc/" .. folder .. "/*.[ch]")) do
        for include in helper.read(path):gmatch "#include ([^\n]+)" do
          for _, word in ipairs(forbidden) do
            assert.is_nil(include:find('^["<].*' .. word) or include:find('^["<]' .. word), path .. " includes " .. include)
          end
        end
      end
    end
  end)

  it("name no provider outside its file and its registry line", function()
    local protocols = require "opengatellm.protocol"
    for _, path in ipairs(files "csrc/*/*.c lua/opengatellm/*.lua lua/opengatellm/protocol/*.lua lua/opengatellm/auth/*.lua lua/opengatellm/http/*.lua") do
      local code = helper.read(path):gsub("%-%-[^\n]*", ""):gsub("/%*.-%*/", "")
      for _, name in ipairs(require "opengatellm.providers".names()) do
        -- a protocol may have a provider's name, and "opengatellm" is the default
        local found = not protocols[name] and name ~= "opengatellm" and code:find('"' .. name .. '"', 1, true)
        assert.is_nil(found or nil, path .. " names " .. name)
      end
    end
  end)

  it("ask for a version of Lua in compat.h alone", function()
    for _, path in ipairs(files "csrc/lua/*.c") do assert.is_nil(helper.read(path):find("LUA_VERSION_NUM", 1, true), path) end
  end)
end)

-- The units of csrc (x.c and x.h are one), and which others each of them needs: by an include, or by a name that the other defines.
local function c_units()
  local code, defined_in, needs = {}, {}, {}
  for _, path in ipairs(files "csrc/*/*.[ch]") do code[path] = helper.read(path):gsub("/%*.-%*/", "") end
  for path, text in pairs(code) do
    local unit = path:match "^csrc/(.*)%.[ch]$"
    needs[unit] = needs[unit] or {}
    for line, rest in ("\n" .. text):gmatch "\n(%a[^\n]*)()" do
      local name = not line:find "^static" and (line:match "^[%w_ *]+[ *](ogl_[%w_]+)%(" or line:match "^const struct [%w_]+ (ogl_[%w_]+) =")
      local ends = name and (line .. ("\n" .. text):sub(rest)):match "[;{]"
      if ends == "{" and path:find "%.c$" then defined_in[name] = unit end
    end
  end
  for path, text in pairs(code) do
    local unit = path:match "^csrc/(.*)%.[ch]$"
    for include in text:gmatch '#include "([^"]+)"' do
      local other = include:find "^%.%./" and include:sub(4) or unit:match "^[^/]+/" .. include
      assert.truthy(code["csrc/" .. other], path .. " includes " .. include)
      needs[unit][other:match "^(.*)%."] = path .. " includes it"
    end
    for name in (path:find "%.c$" and text or ""):gmatch "ogl_[%w_]+" do
      if defined_in[name] then needs[unit][defined_in[name]] = path .. " uses " .. name end
    end
    needs[unit][unit] = nil
  end
  return needs, defined_in
end

describe("the units of C", function()
  local needs, defined_in = c_units()

  it("are all seen", function()
    local units, edges, names = 0, 0, 0
    for _, others in pairs(needs) do
      units = units + 1
      for _ in pairs(others) do edges = edges + 1 end
    end
    for _ in pairs(defined_in) do names = names + 1 end
    assert.is_true(units > 80 and edges > 300 and names > 300, ("%d units, %d edges, %d names"):format(units, edges, names))
    assert.equal("core/buf", defined_in.ogl_buf_consume)
    assert.equal("protocol/ollama_decode", defined_in.ogl_ollama)
  end)

  it("need only what stands below them: core, then protocol, curl, llama and system, then lua", function()
    local below = {
      core = {}, protocol = { core = true }, curl = { core = true }, llama = { core = true }, system = { core = true },
      lua = { core = true, protocol = true, curl = true, llama = true, system = true },
    }
    for unit, others in pairs(needs) do
      local folder = unit:match "^[^/]+"
      for other, why in pairs(others) do
        local its = other:match "^[^/]+"
        assert.is_true(its == folder or below[folder][its] == true, unit .. " needs " .. other .. ": " .. why)
      end
    end
  end)

  it("need one another in no circle", function()
    local state = {}
    local function visit(unit, way)
      if state[unit] == "done" then return end
      assert.is_nil(state[unit], "a circle: " .. way .. unit)
      state[unit] = "open"
      for other, why in pairs(needs[unit]) do visit(other, ("%s%s (%s) -> "):format(way, unit, why)) end
      state[unit] = "done"
    end
    for unit in pairs(needs) do visit(unit, "") end
  end)
end)

describe("every C header", function()
  it("says of each function what it does", function()
    local count = 0
    for _, path in ipairs(files "csrc/*/*.h") do
      local before = ""
      for line in helper.read(path):gmatch "[^\n]*" do
        local name = not line:find "^#" and line:match "^%a[%w_ *]*[ *](ogl_[%w_]+)%("
        if name then
          count = count + 1
          assert.truthy(before:find "%*/$", path .. ": " .. name .. " has no comment")
        end
        if line ~= "" then before = line end
      end
    end
    assert.is_true(count > 250, count)
  end)
end)

-- The exported functions of a Lua file, those of M and of the classes: how each is written, the comment above it, its parameters.
local function exported_functions(text)
  local list, comment = {}, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local name, parameters = line:match "^function (%u[%w_]*[.:][%w_]+)%((.-)%)"
    if name and not name:find "[.:]__" then list[#list + 1] = { name = name, comment = comment, parameters = parameters } end
    if line:find "^%-%-" then comment[#comment + 1] = line else comment = {} end
  end
  return list
end

-- Says what the docstring of an exported function lacks; nil where it is whole.
local function missing_of(fn)
  local says, named = false, { self = true, _ = true }
  for _, line in ipairs(fn.comment) do
    says = says or line:find "^%-%-%- ?[^@%s]" ~= nil
    named[line:match "^%-%-%-@param ([%w_.]+)" or "_"] = true
  end
  if not says then return "a sentence" end
  for parameter in fn.parameters:gmatch "[%w_.]+" do
    if not named[parameter] then return "the parameter " .. parameter end
  end
end

describe("every exported function of Lua", function()
  it("has a docstring that says what it does and names each parameter", function()
    local count = 0
    for _, path in ipairs(files(LUA)) do
      for _, fn in ipairs(exported_functions(helper.read(path))) do
        count = count + 1
        local missing = missing_of(fn)
        assert.is_nil(missing, ("%s: the docstring of %s lacks %s"):format(path, fn.name, tostring(missing)))
      end
    end
    assert.is_true(count > 500, count)
  end)

  it("would be found without one", function()
    local function missing(text) return missing_of(exported_functions(text)[1]) end
    assert.equal("a sentence", missing "function M.x() end")
    assert.equal("a sentence", missing "---@param a string\nfunction M.x(a) end")
    assert.equal("a sentence", missing "--- Of another function.\n\nfunction Class:x() end")
    assert.equal("the parameter b", missing "--- Adds.\n---@param a number\nfunction M.x(a, b) end")
    assert.equal("the parameter ...", missing "--- Adds.\nfunction Class:x(...) end")
    assert.is_nil(missing "--- Adds.\n---@param a? number\n---@param ... any\nfunction Class.x(a, _, ...) end")
  end)
end)

describe("the registries", function()
  it("know every file that holds a provider's data", function()
    local providers = require "opengatellm.providers"
    for _, path in ipairs(files "lua/opengatellm/providers/*.lua") do
      local name = path:match "([^/]+)%.lua$"
      local value = name ~= "init" and require("opengatellm.providers." .. name) or {}
      assert.equal(value.protocol ~= nil, providers.find(name) ~= nil, path)
    end
  end)

  it("know every protocol that has a file", function()
    local protocols = require "opengatellm.protocol"
    for _, path in ipairs(files "lua/opengatellm/protocol/*.lua") do
      local name = path:match "([^/]+)%.lua$"
      local module = name ~= "init" and require("opengatellm.protocol." .. name) or {}
      local encodes = type(module) == "table" and module.encode_request ~= nil
      assert.equal(encodes, protocols[name] ~= nil, path)
    end
  end)

  it("give a decoder for every protocol", function()
    for name in pairs(require "opengatellm.protocol") do assert.truthy(require "opengatellm.core".decoder(name)) end
  end)
end)

-- The rooms of docs/design.md in their order: a path or `folder/*` -> how far up it is.
local function rooms()
  local level, count = {}, 0
  for line in helper.read("docs/design.md"):gmatch "[^\n]+" do
    local paths = line:match "^| %w+ | (`.-) |"
    if paths then
      count = count + 1
      for path in paths:gmatch "`([^`]+)`" do level[path] = count end
    end
  end
  return level
end

describe("the rooms", function()
  local level = rooms()

  local function level_of(path) return level[path] or level[(path:match "^([^/]+)/" or path) .. "/*"] end

  it("hold every Lua file", function()
    for _, path in ipairs(files(LUA)) do assert.truthy(level_of(path:match "^lua/opengatellm/(.*)%.lua$"), path .. " is in no room") end
  end)

  it("are required downwards alone", function()
    local checked = 0
    for _, path in ipairs(files(LUA)) do
      local own = level_of(path:match "^lua/opengatellm/(.*)%.lua$")
      for name in helper.read(path):gsub("%-%-[^\n]*", ""):gmatch 'require,? ?%(?"opengatellm%.?([%w_.]*)"' do
        local other = level_of(name == "" and "init" or name:gsub("%.", "/"))
        assert.truthy(other or name == "core" or name == "curl" or name == "system", path .. " requires " .. name)
        assert.is_true((other or 0) <= own, path .. " requires " .. name .. ", which is above it")
        checked = checked + 1
      end
    end
    assert.is_true(checked > 300)
  end)
end)

describe("every Lua file", function()
  it("has a spec at the same path, or is covered where its neighbours are", function()
    local elsewhere = { -- path of a spec that exercises it
      ["init"] = "client", ["json"] = "core/json", ["version"] = "cli", ["types"] = "docs", ["loop"] = "task",
      ["base/failure"] = "hosts/nginx", ["base/ordered"] = "core/json", ["chat/answer_error"] = "stream", ["base/waits"] = "errors", ["base/error_body"] = "errors",
      ["host/init"] = "task", ["host/plain"] = "net/retry", ["host/coroutines"] = "task", ["host/cqueues"] = "task", ["host/luv"] = "hosts/luv",
      ["host/interrupts"] = "hosts/interrupts", ["host/scheduler"] = "task", ["host/timers"] = "task", ["host/nginx"] = "hosts/nginx",
      ["transport/init"] = "transport/contract", ["transport/curl"] = "transport/contract", ["transport/replay"] = "transport/contract",
      ["transport/driver"] = "transport/contract", ["transport/resty"] = "hosts/nginx", ["transport/resty_tls"] = "hosts/nginx",
      ["transport/resty_tunnel"] = "hosts/nginx", ["transport/http1"] = "hosts/nginx",
      ["llama/chat"] = "transport/llama", ["llama/engines"] = "transport/llama", ["llama/prompt"] = "transport/llama",
      ["llama/refusal"] = "transport/llama", ["llama/vectors"] = "transport/llama",
      ["conversation/answer"] = "conversation/init", ["conversation/hooks"] = "conversation/init", ["conversation/context"] = "conversation/calls",
      ["conversation/records"] = "conversation/approval", ["conversation/limits"] = "conversation/turn",
      ["conversation/stitching"] = "conversation/turn", ["conversation/window"] = "conversation/turn",
      ["schema/job"] = "schema/validator", ["schema/kind"] = "schema/validator", ["schema/scalars"] = "schema/validator",
      ["schema/items"] = "schema/validator", ["schema/members"] = "schema/validator", ["schema/branches"] = "schema/validator",
      ["schema/failure"] = "schema/validator", ["schema/unevaluated"] = "schema/suite", ["schema/references"] = "schema/suite",
      ["providers/settings"] = "providers/init",
      ["protocol/translation"] = "protocol/roundtrip",
      ["protocol/init"] = "layout", ["protocol/quirks"] = "providers/init",
      ["protocol/openai_chat_decode"] = "protocol/decode", ["protocol/openai_responses_decode"] = "protocol/decode",
      ["protocol/anthropic_decode"] = "protocol/decode", ["protocol/gemini_decode"] = "protocol/decode", ["protocol/ollama_decode"] = "protocol/decode",
      ["http/foreign_request"] = "chat/fetch", ["http/tries"] = "http/attempt", ["auth/init"] = "providers/init",
      ["operations/init"] = "operations/invocation", ["operations/shape"] = "operations/invocation", ["operations/usage"] = "operations/invocation",
      ["operations/ocr"] = "operations/invocation", ["operations/rerank"] = "operations/invocation", ["operations/transcribe"] = "operations/invocation",
      ["operations/change_log"] = "operations/registry", ["operations/enums"] = "net/conformance",
      ["operations/inference"] = "net/conformance", ["operations/rag"] = "net/conformance", ["operations/account"] = "net/conformance",
      ["operations/admin"] = "net/conformance", ["operations/monitoring"] = "net/conformance", ["operations/searching"] = "net/conformance",
      ["operations/images"] = "operations/openai_routes", ["operations/moderate"] = "operations/openai_routes",
      ["operations/batches"] = "operations/openai_routes", ["operations/gemini_files"] = "net/gemini_files",
      ["operations/model_lists"] = "operations/server_dialects", ["operations/error_codes"] = "net/recorded",
      ["operations/indexing"] = "net/surface",
      ["chat/search"] = "operations/invocation", ["chat/callbacks"] = "task", ["chat/logprobs"] = "net/conformance", ["chat/replayed"] = "middleware/chain",
      ["middleware/init"] = "middleware/chain", ["conversation/tool_files"] = "conversation/tools", ["conversation/turns"] = "conversation/compact",
      ["router/route"] = "router/init", ["router/row"] = "router/strategy/init", ["store/memory"] = "store/init", ["store/guard"] = "store/init",
      ["store/shared"] = "hosts/nginx_store", ["store/redis"] = "hosts/nginx_store", ["middleware/mistake"] = "middleware/chain", ["middleware/passage"] = "middleware/chain",
      ["middleware/options"] = "middleware/events", ["middleware/defaults"] = "middleware/events", ["middleware/timeout"] = "middleware/events",
      ["middleware/think"] = "middleware/events", ["middleware/merge"] = "middleware/events",
      ["middleware/citations"] = "middleware/events", ["middleware/redact"] = "middleware/events",
      ["bench/report/chart"] = "bench/report/html", ["bench/report/charts"] = "bench/report/html", ["bench/report/style"] = "bench/report/html",
      ["bench/report/runs"] = "bench/report/html", ["bench/report/grid"] = "bench/report/table", ["bench/report/loads"] = "bench/report/table",
      ["bench/report/number"] = "bench/report/table", ["bench/report/contract"] = "bench/report/init", ["bench/report/secrets"] = "bench/report/init",
      ["cli/init"] = "cli", ["cli/chat"] = "cli", ["cli/common"] = "cli", ["cli/models"] = "net/ogl", ["cli/serve"] = "hosts/serve",
      ["cli/settings/lexer"] = "cli/settings/reader", ["cli/compat_example"] = "cli/compat", ["compat/verdict"] = "compat/cases",
      ["compat/picture"] = "compat/cases", ["compat/cases/init"] = "compat/cases", ["compat/cases/text"] = "compat/cases",
      ["compat/cases/stream"] = "compat/cases", ["compat/cases/tools"] = "compat/cases", ["compat/cases/vectors"] = "compat/cases",
      ["compat/cases/images"] = "compat/cases", ["compat/cases/refusals"] = "compat/cases", ["base/secrets"] = "bench/report/init",
      ["cli/bench"] = "net/bench", ["cli/progress"] = "net/bench", ["cli/bench_settings"] = "cli/bench_plan", ["cli/doctor"] = "net/doctor",
      ["cli/doctor/finding"] = "net/doctor", ["cli/doctor/installed"] = "net/doctor", ["cli/doctor/configured"] = "net/doctor",
      ["cli/doctor/reachable"] = "net/doctor",
      ["gateway/chat"] = "gateway/openai", ["gateway/relay"] = "gateway/openai", ["gateway/meter"] = "gateway/openai",
      ["gateway/visit"] = "gateway/init", ["gateway/problem"] = "gateway/init", ["gateway/models"] = "gateway/openai", ["gateway/nginx"] = "hosts/nginx_gateway",
      ["llama/special_tokens"] = "llama/template", ["llama/forms"] = "llama/template", ["llama/patterns"] = "llama/template",
      ["llama/tool_forms"] = "llama/output", ["llama/grammar_text"] = "llama/grammar", ["llama/integer_range"] = "llama/grammar",
      ["gateway/operation"] = "gateway/openai", ["gateway/ollama_models"] = "gateway/ollama",
    }
    for _, path in ipairs(files(LUA)) do
      local name = path:match "^lua/opengatellm/(.*)%.lua$"
      local strategy = name:match "^router/strategy/" and "router/strategy/init"
      local data = strategy or require "opengatellm.providers".find(name:match "^providers/(.*)" or "") and "providers/init"
      local language = name ~= "jinja/init" and name ~= "jinja/text" and name:find "^jinja/" and "jinja/language"
      local spec = "spec/" .. (elsewhere[name] or data or language or name) .. "_spec.lua"
      assert.truthy(io.open(spec), path .. " has no " .. spec)
    end
  end)
end)
