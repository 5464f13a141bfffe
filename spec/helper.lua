--- What most specs need, in one table; each part lies in spec/support, under the name of what it helps with.
--
--   local client = helper.client("storm:2:429::" .. helper.id())      a client of the fault server, at that scenario
--   after_each(helper.close)                                          closes the clients that were made so
require "spec.support.once"

local M = {}

for _, part in ipairs {
  "temporary", -- directory write id
  "ports", -- free_port
  "servers", -- serve ogl server python stop kill
  "fault_server", -- TEXT fault fault_at unix tls certificates
  "raw_server", -- raw http body
  "clients", -- KEY client client_of close ask stats requests
  "eventually", -- eventually
  "this_process", -- open_descriptors memory
  "material", -- decode read shared recorded
  "mentions", -- mentions
  "simulated_host", -- simulated_host
  "simulated_loop", -- simulated_loop
  "terminal", -- in_terminal
  "simulated_time", -- simulated_time simulated_server text_frame end_frames
} do
  for name, value in pairs(require("spec.support." .. part)) do
    assert(M[name] == nil, name .. " is in two parts of the helper")
    M[name] = value
  end
end

return M
