-- Health of a mixpeek.com Namespace for Argo CD: resource.customizations.health.mixpeek.com_Namespace.
-- Argo CD runs it without Lua's string and math libraries.

local function health(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}
local generation = obj.metadata.generation or 0

local function is_behind(observed)
  return observed == nil or observed < generation
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready, paused = conditions.Ready, conditions.Paused

if obj.metadata.deletionTimestamp ~= nil then
  -- A deletion that is held up says so in Ready.
  if ready ~= nil and ready.status == "False" then
    return health("Progressing", "Being deleted: " .. ready.reason .. ": " .. ready.message)
  end
  return health("Progressing", "Being deleted")
end

-- Before the generations: nothing is looked at while it lasts.
if paused ~= nil and paused.status == "True" then
  return health("Suspended", paused.message)
end

if ready == nil then
  return health("Progressing", "Waiting for the operator's first look")
end

if is_behind(status.observedGeneration) or is_behind(ready.observedGeneration) then
  return health("Progressing", "Waiting for the operator to look at the new spec")
end

if ready.status == "True" then
  return health("Healthy", ready.message)
end

return health("Degraded", ready.reason .. ": " .. ready.message)
