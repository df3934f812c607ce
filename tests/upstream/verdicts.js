// Reads one workflow a line and prints upstream's verdict on it: the rules it breaks.
// Its validate() judges the form and five rules; a forbidden connection is refused where
// a flow is added, so every flow is added once more to the workflow without flows.

const path = require('path')
const lines = require('readline').createInterface({ input: process.stdin })
const Workflow = require(path.join(process.argv[2], 'src/workflow'))

const broken = act => {
  try {
    act()
    return []
  } catch (error) {
    return [error.constructor.name]
  }
}

lines.on('line', line => {
  const workflow = JSON.parse(line)
  if (broken(() => Workflow.validateSchema(workflow)).length) {
    console.log(JSON.stringify(['SCHEMA']))
    return
  }
  const rules = broken(() => Workflow.validate(workflow))
  const elements = workflow.elements || []
  const flows = elements.filter(({ elementType }) => elementType === 'FLOW')
  let built = { ...workflow, elements: elements.filter(one => !flows.includes(one)) }
  flows.forEach(({ srcId, destId }) => {
    rules.push(...broken(() => { built = Workflow.addFlow(built, { srcId, destId }) }))
  })
  console.log(JSON.stringify(rules))
})
