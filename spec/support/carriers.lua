--- The transports that the contract spec runs against, and where.
--
--   name           of the host, or of the transport where it is the transport that matters
--   host           of the calls in there; nil: `name`
--   network        makes a transport that reaches a network; nil: it plays from memory
--   play(answer)   a transport and the address at which it gets {status, headers = list of pairs, body}
--   needs          a module without which it is not there
--   inside(body)   runs the body of a test where that host's calls run, and raises what it raised
--   lacks          set of what this host refuses by name, and a case therefore does not ask of it
--
-- A host that is another program (nginx, Neovim) runs the spec itself, with OGL_CARRIER = its name.
local helper = require "spec.helper"

local function play_curl(answer)
  return assert(require "opengatellm.transport.curl".new()), helper.raw(helper.http(answer.status, answer.headers, answer.body))
end

local function play_replay(answer)
  local headers = {}
  for _, row in ipairs(answer.headers) do headers[row[1]] = row[2] end
  local replay = require "opengatellm.transport.replay"
  return replay.new { status = answer.status, headers = headers, body = answer.body, chunk = 100 }, "http://replay/"
end

local function network_resty() return require "opengatellm.transport.resty".new() end

local function play_resty(answer) return network_resty(), helper.raw(helper.http(answer.status, answer.headers, answer.body)) end

local function network_curl() return assert(require "opengatellm.transport.curl".new()) end

local function here(body) return body() end

-- What a task raised that has ended; every one of these loops runs until it has.
local function rethrow(task)
  assert(task.done, "the loop ended before the test did")
  if task.failure then
    task:wait() -- somebody has seen it
    error(task.failure.err, 0)
  end
end

local function in_scheduler(body)
  local ogl = require "opengatellm"
  local task
  ogl.run(function() task = ogl.spawn(body) end)
  rethrow(task)
end

local function in_luv(body)
  local ogl, uv = require "opengatellm", require "luv"
  local timer, task = uv.new_timer(), nil
  timer:start(0, 0, function()
    timer:close()
    task = ogl.spawn(body)
  end)
  uv.run()
  rethrow(task)
end

local function in_cqueues(body)
  local ogl = require "opengatellm"
  local controller, task = require "cqueues".new(), nil
  controller:wrap(function() task = ogl.spawn(body) end)
  assert(controller:loop())
  rethrow(task)
end

-- Neovim's loop turns by itself; here it is waited for, as its main coroutine may.
local function in_neovim(body)
  local vim, task = rawget(_G, "vim"), require "opengatellm".spawn(body)
  vim.wait(120000, function() return task.done end)
  rethrow(task)
end

local ALL = {
  { name = "curl", host = "plain", network = network_curl, play = play_curl, inside = here },
  { name = "scheduler", network = network_curl, play = play_curl, inside = in_scheduler },
  { name = "luv", needs = "luv", network = network_curl, play = play_curl, inside = in_luv },
  { name = "cqueues", needs = "cqueues", network = network_curl, play = play_curl, inside = in_cqueues },
  { name = "replay", host = "plain", play = play_replay, inside = here },
}

local OTHERS = { -- those that are named by OGL_CARRIER alone
  { name = "nginx", network = network_resty, play = play_resty, inside = here, lacks = { compression = true } },
  { name = "neovim", host = "luv", network = network_curl, play = play_curl, inside = in_neovim },
}

local M = {}

local function available(carrier) return not carrier.needs or (pcall(require, carrier.needs)) end

--- The carriers of this program.
function M.list()
  local name, list = os.getenv "OGL_CARRIER", {}
  if not name then
    for _, carrier in ipairs(ALL) do list[#list + 1] = available(carrier) and carrier or nil end
    return list
  end
  for _, some in ipairs { ALL, OTHERS } do
    for _, carrier in ipairs(some) do
      if carrier.name == name then return { carrier } end
    end
  end
  error("no carrier is called " .. name)
end

return M
