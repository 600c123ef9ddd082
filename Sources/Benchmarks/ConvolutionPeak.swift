import Manipulation
import TensorCPU
import TensorGraph
import TensorRuntime

/// What this machine's cores can do in a large convolution, as the yardstick for everything else:
/// 3×3, 256 to 256 channels, 8 images of 56×56, forward.
///
/// It is measured between the steps that it is compared with, because a machine that others use is
/// not equally fast all the time.
public final class ConvolutionPeak {
  private static let channels = 256
  private static let side = 56
  private static let images = 8
  private let program: any Program
  private let input: [String: ProgramInput]

  public init(
    policy: ExecutionPolicy = ExecutionPolicy(), kernels: CPUKernelOptions = CPUKernelOptions()
  ) throws {
    var graph = GraphBuilder()
    // A batch that is copied in at each run, at a hundredth of the convolution's own time.
    let image: Shape = [Self.images, Self.side, Self.side, Self.channels]
    let filter: Shape = [Self.channels, 3, 3, Self.channels]
    let x = try graph.placeholder("x", shape: image)
    let w = try graph.parameter("w", shape: filter)
    let y = try graph.append(Convolution(window: Window2D(3, stride: 1, padding: 1)), [x, w])
    // The yardstick is arithmetic that is really done.
    var kernels = kernels
    kernels.library = .onednn
    let executor = CPUExecutor(kernels: kernels)
    let parameters = try executor.makeParameters([("w", filter)])
    try parameters.upload(Tensor(repeating: 0.01, shape: filter), to: "w")
    program = try executor.compile(
      graph.computation([("y", y)]), parameters: parameters, policy: policy.keepingParameterWork)
    input = ["x": .floats([Float](repeating: 0.5, count: image.count))]
    _ = try measure(repeats: 1)
  }

  /// Floating-point operations per second of the fastest of `repeats` runs.
  public func measure(repeats: Int = 3) throws -> Double {
    var best = Double.infinity
    for _ in 0..<repeats {
      let begin = ContinuousClock.now
      try program.run(input)
      best = min(best, (ContinuousClock.now - begin).seconds)
    }
    return Double(program.resources.flops) / best
  }
}
