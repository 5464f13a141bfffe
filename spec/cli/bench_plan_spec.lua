-- Plans, made of options and of a settings file, without a server.
local bench_plan = require "opengatellm.cli.bench_plan"
local bench_settings = require "opengatellm.cli.bench_settings"
local environment = require "spec.support.environment"
local helper = require "spec.helper"

local VARIABLES = { OGL_URL = "http://127.0.0.1:1", OGL_TOKEN = "sk-token", OGL_MODEL = "from-environment", OPENAI_API_KEY = "sk-openai" }

-- The plan; or the line and the status.
local function made(arguments, values)
  arguments.provider = arguments.provider or {}
  local plan, line, status
  environment.with(VARIABLES, function() plan, line, status = bench_plan.make(arguments, values or {}) end)
  return plan or { line = line, status = status }
end

local function labels(plan)
  local list = {}
  for i, load in ipairs(plan.loads) do list[i] = (load.concurrency or load.rate) .. " " .. load.mode end
  return list
end

local function asked(plan, n) return plan.prompts:request(n or 1).messages[1].content end

describe("a plan", function()
  it("is llm_adapter's loads and synthetic prompts where nothing is said", function()
    local plan = made {}
    assert.same({ "2 closed", "4 closed", "8 closed" }, labels(plan))
    assert.same({ 50, nil, true, true, 1, nil },
      { plan.loads[1].requests, plan.loads[1].seconds, plan.streaming, plan.calibrates, plan.warmup, plan.sweep })
    assert.matches("at length, and do not stop%.$", asked(plan))
    assert.same({ 200, false }, { plan.prompts:request(1).max_tokens, plan.prompts:request(1).keep })
    local provider = plan.providers[1]
    assert.same({ "opengatellm", "from-environment", 0 }, { provider.name, provider.model, provider.client.retries.max })
  end)

  it("has closed and open loops, each of its length", function()
    local plan = made { concurrency = { 3 }, rates = { 0.5, 2 }, seconds = 60, arrival = "constant", most = 9 }
    assert.same({ "3 closed", "0.5 open", "2 open" }, labels(plan))
    assert.same({ nil, 60, "constant", 9 }, { plan.loads[2].requests, plan.loads[2].seconds, plan.loads[2].arrival, plan.loads[2].most })
    assert.is_nil(plan.loads[1].arrival)
    plan = made { sweep = 16, sweep_rates = 3 }
    assert.same({ { most = 16, rates = 3 }, 1 }, { plan.sweep, #plan.loads })
  end)

  it("asks a text, a prompt of the file by its name, any of them, or all in turn", function()
    local values = { prompts = { b = { prompt = "two" }, a = { messages = { { role = "user", content = "one" } }, system = "brief" } } }
    assert.equal("hi", asked(made({ prompt = "hi" }, values)))
    assert.equal("two", asked(made({ prompt = "b" }, values), 5))
    local plan = made({}, values)
    assert.same({ "one", "two", "one" }, { asked(plan, 1), asked(plan, 2), asked(plan, 3) })
    assert.equal("brief", plan.prompts:request(1).system)
    local seen = {}
    plan = made({ prompt = "random" }, values)
    for i = 1, 30 do seen[asked(plan, i)] = true end
    assert.same({ one = true, two = true }, seen)
    assert.equal("random", asked(made { prompt = "random" }))
  end)

  it("asks the lines of a file, with pictures and limits", function()
    local picture = helper.write "x"
    local plan = made { prompts = helper.write '"un"\n"deux"', images = { picture }, max_tokens = 9, temperature = 0, system = "s" }
    local request = plan.prompts:request(2)
    assert.same({ "deux", picture }, { request.messages[1].content[1], request.messages[1].content[2].path })
    assert.same({ 9, 0, "s" }, { request.max_tokens, request.temperature, request.system })
    plan = made { input_tokens = { least = 50, most = 50 }, output_tokens = { least = 7, most = 7 }, ignore_eos = true }
    assert.same({ 7, { ignore_eos = true } }, { plan.prompts:request(1).max_tokens, plan.prompts:request(1).extra })
    assert.is_nil(made({ whole = true }).prompts:request(1).keep == false or nil)
  end)

  it("has the providers of the command line, of the file, or of the environment", function()
    local values = {
      settings = { timeout_seconds = 7, user_agent = "us" }, benchmark = { model = "common" },
      providers = { one = { base_url = "http://h1", model = "m1", price = { input = 1 } }, two = { base_url = "http://h2" } },
    }
    local function names(plan)
      local list = {}
      for i, provider in ipairs(plan.providers) do list[i] = provider.name .. " " .. provider.model end
      return list
    end
    local plan = made({}, values)
    assert.same({ "one m1", "two common" }, names(plan))
    local first = plan.providers[1]
    assert.same({ 7, "us", "http://h1/v1", 1 },
      { first.client.timeouts.total, first.client.headers["user-agent"], first.client.api, first.price.input })
    assert.same({ "two common", "openai common" }, names(made({ provider = { "two", "openai" } }, values)))
    assert.same({ "one mine" }, names(made({ provider = { "one" }, model = "mine" }, values)))
    values.benchmark.provider = "two"
    assert.same({ "two common" }, names(made({}, values)))
    assert.equal("http://other/v1", made({ url = "http://other" }, values).providers[1].client.api)
  end)

  it("that does not fit together is one line, and status 2", function()
    local two = { providers = { a = { base_url = "http://h" }, b = { base_url = "http://h" } } }
    for problem, given in pairs {
      ["ogl: --sweep and --concurrency exclude each other"] = { { sweep = 4, concurrency = { 1 } } },
      ["ogl: --prompt and --input-tokens exclude each other"] = { { prompt = "x", input_tokens = { least = 1, most = 1 } } },
      ["ogl: --max-tokens and --output-tokens exclude each other"] = { { max_tokens = 5, output_tokens = { least = 1, most = 1 } } },
      ["ogl: --shared-prefix needs --input-tokens"] = { { shared_prefix = 3 } },
      ["ogl: --ignore-eos needs --output-tokens"] = { { ignore_eos = true } },
      ["ogl: --slo ttft needs streams, and --no-stream asks for whole answers"] = { { whole = true, slo = { ttft = 1 } } },
      ["ogl: /nowhere: No such file or directory"] = { { images = { "/nowhere" } } },
      ["ogl: /nowhere.jsonl: No such file or directory"] = { { prompts = "/nowhere.jsonl" } },
      ["ogl: --provider nobody: it is neither in the configuration nor a kind of server"] = { { provider = { "nobody" } } },
      ["ogl: --url is the address of one server, and several are wanted"] = { { url = "http://h" }, two },
      ["ogl: prompts.a: messages[1].role: expected"] = { {}, { prompts = { a = { messages = { { role = "king", content = "x" } } } } } },
      ["ogl: provider x: type: there is no kind"] = { {}, { providers = { x = {} } } },
    } do
      local said = made(given[1], given[2])
      assert.equal(2, said.status, problem)
      assert.equal(problem, said.line:sub(1, #problem))
      assert.is_nil(said.line:find "\n")
    end
  end)
end)

describe("the settings file", function()
  it("may be the example, whose plan can be made", function()
    local path = helper.write(bench_settings.EXAMPLE)
    local values = assert(bench_settings.load(path))
    local plan = made({}, values)
    assert.same({ "2 closed", "4 closed", "8 closed" }, labels(plan))
    assert.same({ ttft = 500, itl = 50, e2e = 10000 }, plan.slo)
    assert.equal("https://albert.api.etalab.gouv.fr/v1", plan.providers[1].client.api)
  end)

  it("is refused with the line of what is wrong", function()
    for text, problem in pairs {
      ["return {\n  benchmark = { concurrency = { 1 } } }"] = ":2: benchmark.concurrency: there is no such key",
      ["return { providers = { a = { base_url = 3 } } }"] = ":1: providers.a.base_url: expected a text, got a number",
      ["return { prompts = { a = { messages = { { role = 1 } } } } }"] = ":1: prompts.a.messages[1].role: expected a text",
      ["return { benchmark = { seed = os.time() } }"] = ":1:",
    } do
      local values, said = bench_settings.load(helper.write(text))
      assert.is_nil(values)
      assert.truthy(said:find(problem, 1, true), said)
    end
  end)
end)
