import Manipulation
import TensorCPU
import TensorGraph

/// What this machine's cores can do in a large convolution, as the yardstick for everything else:
/// 3×3, 256 to 256 channels, 8 images of 56×56, forward.
///
/// It is measured between the steps that it is compared with, because a machine that others use is
/// not equally fast all the time.
public final class ConvolutionPeak {
  private static let channels = 256
  private static let side = 56
  private static let images = 8
  private let executable: Executable
  private let input: [String: Executable.Input]

  public init(options: Executable.Options = Executable.Options()) throws {
    var graph = GraphBuilder()
    // A batch that is copied in at each run, at a hundredth of the convolution's own time.
    let image: Shape = [Self.images, Self.side, Self.side, Self.channels]
    let filter: Shape = [Self.channels, 3, 3, Self.channels]
    let x = try graph.placeholder("x", shape: image)
    let w = try graph.parameter("w", shape: filter)
    let y = try graph.append(Convolution(window: Window2D(3, stride: 1, padding: 1)), [x, w])
    let parameters = try ParameterStore([("w", filter)])
    parameters["w"] = Tensor(repeating: 0.01, shape: filter)
    var options = options
    options.keepsParameterWork = true
    // The yardstick is arithmetic that is really done.
    options.usesWinograd = false
    executable = try Executable(
      graph.graph(outputs: [y]), parameters: parameters, options: options)
    input = ["x": .floats([Float](repeating: 0.5, count: image.count))]
    _ = try measure(repeats: 1)
  }

  /// Floating-point operations per second of the fastest of `repeats` runs.
  public func measure(repeats: Int = 3) throws -> Double {
    var best = Double.infinity
    for _ in 0..<repeats {
      let begin = ContinuousClock.now
      try executable.run(input)
      best = min(best, (ContinuousClock.now - begin).seconds)
    }
    return Double(executable.cost.flops) / best
  }
}
