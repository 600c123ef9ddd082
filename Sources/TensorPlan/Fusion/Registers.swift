import TensorGraph

/// Collects the registers and instructions of one fusion group.
struct FusionGroupBuilder {
  let shape: Shape
  var inputs: [View] = []
  var outputs: [FusionGroup.Output] = []
  var reductions: [FusionGroup.Reduction] = []
  private var scalars: [(value: Double, placeholder: Int)] = []
  private var instructions: [FusionGroup.Instruction] = []
  // Until the number of inputs is known, registers are: inputs -1, -2, …; the rest 0, 1, ….
  private var next = 0

  init(shape: Shape) { self.shape = shape }

  mutating func input(_ view: View) -> Int {
    if let index = inputs.firstIndex(of: view) { return -1 - index }
    inputs.append(view)
    return -inputs.count
  }

  mutating func scalar(_ value: Double) -> Int {
    if let known = scalars.first(where: { $0.value.bitPattern == value.bitPattern }) {
      return known.placeholder
    }
    scalars.append((value, next))
    next += 1
    return next - 1
  }

  mutating func instruction(_ make: (Int) -> FusionGroup.Instruction) -> Int {
    instructions.append(make(next))
    next += 1
    return next - 1
  }

  /// Renumbers registers: inputs first; a register is used again after its last consumer.
  func finished() -> FusionGroup {
    var lastUse: [Int: Int] = [:]
    for (position, instruction) in instructions.enumerated() {
      for source in instruction.sources { lastUse[source] = position }
    }
    var pinned = Set(outputs.map(\.register) + reductions.map(\.register))
    for scalar in scalars { pinned.insert(scalar.placeholder) }
    var names: [Int: Int] = [:]
    for index in inputs.indices { names[-1 - index] = index }
    var count = inputs.count
    for scalar in scalars {
      names[scalar.placeholder] = count
      count += 1
    }
    var free: [Int] = []
    var renumbered: [FusionGroup.Instruction] = []
    for (position, instruction) in instructions.enumerated() {
      let sources = instruction.sources.map { names[$0]! }
      let target: Int
      if !pinned.contains(instruction.target), let reused = free.popLast() {
        target = reused
      } else {
        target = count
        count += 1
      }
      names[instruction.target] = target
      switch instruction {
      case .copy: renumbered.append(.copy(into: target, sources[0]))
      case .unary(let function, _, _):
        renumbered.append(.unary(function, into: target, sources[0]))
      case .binary(let function, _, _, _):
        renumbered.append(.binary(function, into: target, sources[0], sources[1]))
      case .select:
        renumbered.append(.select(into: target, mask: sources[0], sources[1], sources[2]))
      }
      for source in Set(instruction.sources)
      where source >= 0 && !pinned.contains(source) && lastUse[source] == position {
        free.append(names[source]!)
      }
    }
    return FusionGroup(
      shape: shape, inputs: inputs,
      scalars: scalars.map { (names[$0.placeholder]!, $0.value) }, instructions: renumbered,
      outputs: outputs.map { .init(register: names[$0.register]!, storage: $0.storage) },
      reductions: reductions.map {
        .init(
          register: names[$0.register]!, function: $0.function, strides: $0.strides,
          count: $0.count, storage: $0.storage)
      },
      registerCount: count)
  }
}
