import TensorGraph
import TensorRuntime

/// Writes a function: its arguments, its body and its results.
struct ModuleBuilder {
  var text: ModuleText
  private var arguments: [(role: Module.Argument, type: ModuleType)] = []
  private var results: [(role: Module.Result, value: ModuleValue)] = []
  private var checks: [Module.Check] = []
  private var taken: [Module.Argument: ModuleValue] = [:]
  private let devices: Int
  /// The images of a batch; `nil` without placeholders.
  private var batch: Int?

  init(_ multiplication: Multiplication, devices: Int = 1) {
    text = ModuleText(multiplication: multiplication)
    self.devices = devices
  }

  /// The argument of this role, of which there is one.
  mutating func take(_ role: Module.Argument, _ type: ModuleType) -> ModuleValue {
    if let known = taken[role] { return known }
    let value = ModuleValue(name: "%arg\(arguments.count)", type: type)
    arguments.append((role, type))
    taken[role] = value
    return value
  }

  mutating func give(_ role: Module.Result, _ value: ModuleValue) { results.append((role, value)) }

  /// A computation's nodes, and the values of its outputs.
  mutating func lower(
    _ computation: Computation
  ) throws(LoweringError) -> (nodes: [ModuleValue], output: [String: ModuleValue]) {
    let graph = computation.graph
    var given: [Int: ModuleValue] = [:]
    batch =
      graph.nodes.filter { $0.operation is Placeholder && !$0.shape.dimensions.isEmpty }
      .max { $0.shape.count < $1.shape.count }?.shape[0]
    for (id, node) in graph.nodes.enumerated() {
      let type = ModuleType(node.shape, ModuleElement(node.type))
      switch node.operation {
      case let parameter as Parameter: given[id] = take(.parameter(parameter.label), type)
      case let placeholder as Placeholder: given[id] = take(.placeholder(placeholder.label), type)
      case let constant as Constant
      where constant.tensor.shape.count > Module.largestWrittenConstant:
        given[id] = take(.constant(constant.tensor), type)
      default: break
      }
    }
    let nodes = try text.lower(graph, given: given)
    var output: [String: ModuleValue] = [:]
    for (name, id) in zip(computation.outputs, graph.outputs) { output[name] = nodes[id] }
    return (nodes, output)
  }

  // MARK: The update

  /// Parameters and moments by the rule, assigned outputs as they are; all of them as they were if
  /// something that is guarded is not finite.
  mutating func apply(
    _ update: StepUpdate, parameters: (_ name: String) -> Shape,
    gradients: [String: ModuleValue], outputs: [String: ModuleValue]
  ) {
    var finite: [ModuleValue] = []
    func check(_ check: Module.Check, _ value: ModuleValue) {
      checks.append(check)
      finite.append(allFinite(value))
    }
    for name in update.guarded { check(.output(name), outputs[name]!) }
    for name in gradients.keys.sorted() { check(.gradient(of: name), gradients[name]!) }
    var isFinite = text.constant(1, ModuleType(.scalar, .i1))
    for value in finite { isFinite = text.pointwise("and", isFinite, value) }
    func changed(_ value: ModuleValue, from old: ModuleValue) -> ModuleValue {
      text.select(text.broadcast(isFinite, to: value.shape), value, old)
    }
    for name in (Array(update.gradients.keys) + update.assignments.keys).sorted() {
      let old = take(.parameter(name), ModuleType(parameters(name)))
      let new: ModuleValue
      if let gradient = gradients[name] {
        let moments = (0..<update.rule.momentCount).map {
          take(.moment(of: name, $0), old.type)
        }
        let updated = step(update.rule, old, gradient, moments)
        for (place, moment) in updated.moments.enumerated() {
          give(.moment(of: name, place), changed(moment, from: moments[place]))
        }
        new = changed(updated.value, from: old)
      } else {
        new = changed(outputs[update.assignments[name]!]!, from: old)
      }
      give(.parameter(name), new)
      check(.parameter(name), new)
    }
    let bytes = finite.map { value in
      text.reshape(text.convert(value, to: .ui8), to: [1])
    }
    if !bytes.isEmpty { give(.checks, text.concatenate(bytes, axis: 0)) }
  }

  private mutating func allFinite(_ value: ModuleValue) -> ModuleValue {
    guard value.type.element == .f32 else { return text.constant(1, ModuleType(.scalar, .i1)) }
    return text.reduce(
      "and", text.isFinite(value), axes: Array(value.shape.dimensions.indices), from: 1)
  }

  /// As the CPU's kernels compute it (`UpdateRule`).
  private mutating func step(
    _ rule: UpdateRule, _ w: ModuleValue, _ gradient: ModuleValue, _ moments: [ModuleValue]
  ) -> (value: ModuleValue, moments: [ModuleValue]) {
    func scalar(_ scalar: Module.StepScalar) -> ModuleValue {
      text.broadcast(take(.scalar(scalar), ModuleType(.scalar)), to: w.shape)
    }
    func times(_ number: Float, _ x: ModuleValue) -> ModuleValue {
      number == 1 ? x : text.pointwise("multiply", x, text.constant(Double(number), w.type))
    }
    func plus(_ a: ModuleValue, _ b: ModuleValue) -> ModuleValue { text.pointwise("add", a, b) }
    switch rule {
    case .adam(let beta1, let beta2, let epsilon, let decay):
      let g = decay == 0 ? gradient : plus(gradient, times(decay, w))
      // first + (1 − β₁)·(g − first)
      let first = plus(
        moments[0], times(1 - beta1, text.pointwise("subtract", g, moments[0])))
      // β₂·second + (1 − β₂)·g²
      let second = plus(
        times(beta2, moments[1]), text.pointwise("multiply", times(1 - beta2, g), g))
      let root = text.pointwise(
        "multiply", text.pointwise("sqrt", second), scalar(.rootCorrection))
      let divisor = plus(root, text.constant(Double(epsilon), w.type))
      let change = text.pointwise(
        "divide", text.pointwise("multiply", first, scalar(.rate)), divisor)
      return (text.pointwise("subtract", w, change), [first, second])
    case .sgd(let momentum, let decay, let nesterov):
      let g = decay == 0 ? gradient : plus(gradient, times(decay, w))
      let velocity = momentum == 0 ? g : plus(times(momentum, moments[0]), g)
      let direction = nesterov ? plus(g, times(momentum, velocity)) : velocity
      let change = text.pointwise("multiply", direction, scalar(.rate))
      return (text.pointwise("subtract", w, change), [velocity])
    }
  }

  // MARK: The text

  /// Arguments whose role is that of a result are donated to it.
  private var donations: [Int: Int] {
    var donations: [Int: Int] = [:]
    for (position, result) in results.enumerated() {
      let role: Module.Argument? =
        switch result.role {
        case .parameter(let name): .parameter(name)
        case .moment(let name, let place): .moment(of: name, place)
        case .output, .checks: nil
        }
      if let role, let argument = arguments.firstIndex(where: { $0.role == role }) {
        donations[argument] = position
      }
    }
    return donations
  }

  /// Whether devices share an argument: what has a row for every image of a batch that they can share.
  private func isSplit(_ argument: (role: Module.Argument, type: ModuleType)) -> Bool {
    guard devices > 1, case .placeholder = argument.role, let batch else { return false }
    return batch > 0 && batch % devices == 0 && argument.type.shape.dimensions.first == batch
  }

  /// By Shardy: over the mesh of devices along the first axis, or whole on each.
  private func sharding(_ type: ModuleType, isSplit: Bool) -> String {
    let axes = type.shape.dimensions.indices.map { isSplit && $0 == 0 ? "{\"data\"}" : "{}" }
    return "sdy.sharding = #sdy.sharding<@mesh, [\(axes.joined(separator: ", "))]>"
  }

  var module: Module {
    let donations = donations
    let split = Set(arguments.indices.filter { isSplit(arguments[$0]) })
    let given = arguments.enumerated().map { position, argument in
      let attributes = [
        devices > 1 ? sharding(argument.type, isSplit: split.contains(position)) : nil,
        donations[position].map { "tf.aliasing_output = \($0) : i32" },
      ].compactMap { $0 }.joined(separator: ", ")
      return "%arg\(position): \(argument.type)" + (attributes.isEmpty ? "" : " {\(attributes)}")
    }
    let types = results.map { $0.value.type.description }.joined(separator: ", ")
    let made = results.map { result in
      let type = result.value.type
      return devices > 1 ? "\(type) {\(sharding(type, isSplit: false))}" : "\(type)"
    }.joined(separator: ", ")
    let values = results.map(\.value.name).joined(separator: ", ")
    let body = text.lines.map { line in
      line.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
    }
    let whole =
      (devices > 1
        ? "module @program attributes {mhlo.num_partitions = \(devices) : i32} {\n"
          + "  sdy.mesh @mesh = <[\"data\"=\(devices)]>\n"
        : "module @program {\n")
      + "  func.func public @main(\(given.joined(separator: ", "))) -> (\(made)) {\n"
      + body.joined()
      + "    return\(values.isEmpty ? "" : " \(values) : \(types)")\n"
      + "  }\n}\n"
    return Module(
      text: whole, arguments: arguments, results: results.map { ($0.role, $0.value.type) },
      donations: donations, checks: checks, devices: devices, split: split)
  }
}
