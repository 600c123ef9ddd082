import StableHLO
import TensorGraph
import TensorRuntime

/// Parameters on a device. A step replaces what it changes; a copy is made where somebody reads one.
public final class XLAParameters: Parameters {
  public let names: [String]
  public private(set) var version = 0
  let client: XLAClient
  private var buffers: [String: DeviceBuffer] = [:]
  /// Those that are known to be finite.
  private var finite: Set<String> = []

  init(
    _ parameters: [(name: String, shape: Shape)], of client: XLAClient
  ) throws(ExecutionError) {
    names = parameters.map(\.name)
    self.client = client
    for (name, shape) in parameters {
      let zeros = try client.upload(Tensor(repeating: 0, shape: shape))
      precondition(buffers.updateValue(zeros, forKey: name) == nil, "two \(name)")
    }
    finite = Set(names)
  }

  public func shape(of name: String) -> Shape? { buffers[name]?.shape }

  /// Where a program reads it.
  func buffer(_ name: String) throws(ExecutionError) -> DeviceBuffer {
    guard let buffer = buffers[name] else { throw ExecutionError("there is no parameter \(name)") }
    guard !buffer.isTaken else {
      throw ExecutionError(
        "parameter \(name) was lost in a step that failed on \(client.name); resume from the last "
          + "saved state")
    }
    return buffer
  }

  /// What a step gives back.
  func replace(_ new: [(name: String, buffer: DeviceBuffer, isFinite: Bool)]) {
    for (name, buffer, isFinite) in new {
      buffers[name] = buffer
      if isFinite { finite.insert(name) } else { finite.remove(name) }
    }
    version += 1
  }

  public func download(_ name: String) throws(ExecutionError) -> Tensor {
    try buffer(name).download()
  }

  public func upload(_ tensor: Tensor, to name: String) throws(ExecutionError) {
    try check(name, tensor.shape)
    buffers[name] = try client.upload(tensor)
    finite.remove(name)
    version += 1
  }

  public func assign(
    _ name: String, from output: String, of program: any Program
  ) throws(ExecutionError) {
    let original = try own(program).buffer(of: output)
    try check(name, original.shape)
    let copy = try client.tool("copy \(original.shape)") {
      Module.copy(original.shape, devices: client.device.count).text
    }
    let made = try copy.execute([original], results: [(original.shape, .float32)])
    replace([(name, made[0], false)])
  }

  public func add(
    _ output: String, of program: any Program, to name: String
  ) throws(ExecutionError) {
    let addend = try own(program).buffer(of: output)
    try check(name, addend.shape)
    let sum = try client.tool("sum \(addend.shape)") {
      Module.sum(addend.shape, devices: client.device.count).text
    }
    let made = try sum.execute(
      [try buffer(name), addend], results: [(addend.shape, .float32)])
    replace([(name, made[0], false)])
  }

  public func isFinite(_ name: String) throws(ExecutionError) -> Bool {
    if finite.contains(name) { return true }
    let isFinite = try download(name).values.allSatisfy(\.isFinite)
    if isFinite { finite.insert(name) }
    return isFinite
  }

  private func own(_ program: any Program) throws(ExecutionError) -> XLAProgram {
    guard let own = program as? XLAProgram, own.client === client else {
      throw ExecutionError(
        "\(client.name) reads outputs of its own programs, not of another executor's")
    }
    return own
  }
}
