--- The transports that the contract spec runs against, and where.
--
--   name           of the host, or of the transport where it is the transport that matters
--   network        makes a transport that reaches a network; nil: it plays from memory
--   play(answer)   a transport and the address at which it gets {status, headers = list of pairs, body}
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

local ALL = {
  { name = "curl", network = network_curl, play = play_curl, inside = here },
  { name = "replay", play = play_replay, inside = here },
}

local OTHERS = { -- those that are named by OGL_CARRIER alone
  { name = "nginx", network = network_resty, play = play_resty, inside = here, lacks = { compression = true } },
}

local M = {}

--- The carriers of this program.
function M.list()
  local name = os.getenv "OGL_CARRIER"
  if not name then return ALL end
  for _, list in ipairs { ALL, OTHERS } do
    for _, carrier in ipairs(list) do
      if carrier.name == name then return { carrier } end
    end
  end
  error("no carrier is called " .. name)
end

return M
