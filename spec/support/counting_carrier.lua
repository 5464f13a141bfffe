-- A transport that counts the raw connections it makes.
local M = {}

local Carrier = {}
Carrier.__index = Carrier

function Carrier:open(request) return self.under:open(request) end

function Carrier:connect(request)
  self.connected = self.connected + 1
  return self.under:connect(request)
end

function Carrier:close() return self.under:close() end

--- Over another transport.
function M.over(under) return setmetatable({ under = under, connected = 0 }, Carrier) end

return M
