import TensorGraph
import TensorRuntime

/// Moments on the device, where the program of a step changes them.
final class XLAOptimizer: OptimizerState {
  let rule: UpdateRule
  let names: [String]
  private(set) var step = 0
  private let client: XLAClient
  private let shapes: [(name: String, shape: Shape)]
  private var moments: [String: [DeviceBuffer]] = [:]

  init(_ update: StepUpdate, _ parameters: XLAParameters) throws(ExecutionError) {
    rule = update.rule
    names = update.gradients.keys.sorted()
    client = parameters.client
    shapes = names.map { ($0, parameters.shape(of: $0)!) }
    for (name, shape) in shapes {
      var buffers: [DeviceBuffer] = []
      for _ in 0..<rule.momentCount {
        buffers.append(try client.upload(Tensor(repeating: 0, shape: shape)))
      }
      moments[name] = buffers
    }
  }

  func buffer(of name: String, _ place: Int) throws(ExecutionError) -> DeviceBuffer {
    let buffer = moments[name]![place]
    guard !buffer.isTaken else {
      throw ExecutionError(
        "the optimizer's moments of \(name) were lost in a step that failed on \(client.name); "
          + "resume from the last saved state")
    }
    return buffer
  }

  func replace(_ name: String, _ place: Int, _ buffer: DeviceBuffer) {
    moments[name]![place] = buffer
  }

  func advance() { step += 1 }

  var state: [(name: String, tensor: Tensor)] {
    get throws(ExecutionError) {
      var state: [(name: String, tensor: Tensor)] = []
      for name in names {
        for place in 0..<rule.momentCount {
          state.append(
            (
              "\(name)/\(UpdateRule.momentNames[place])", try buffer(of: name, place).download()
            ))
        }
      }
      return state
    }
  }

  func restore(step: Int, state: (_ name: String) throws -> Tensor?) throws {
    let restored = try rule.moments(of: shapes, from: state)
    var new: [String: [DeviceBuffer]] = [:]
    for ((name, shape), tensors) in zip(shapes, restored) {
      new[name] = try tensors.map { try client.upload($0.reshaped(to: shape)) }
    }
    (moments, self.step) = (new, step)
  }
}
