import CTensorKernels
import TensorGraph
import TensorPlan
import TensorRuntime

/// From kernels of a plan to calls of C functions over fixed addresses: one file for each family of
/// operations, as in `TensorGraph/Ops`.
struct Lowering {
  let plan: ProgramPlan
  let settings: CPUSettings
  /// Where storages stand.
  let address: [Int: UnsafeMutableRawPointer]

  /// One kernel as it is run; 0 for success.
  typealias Run = () -> Int32

  var threads: Int32 { Int32(settings.threads) }
  var cpu: trompe_cpu { settings.cpu }

  func floats(_ storage: Int) -> UnsafeMutablePointer<Float> {
    precondition(!plan.rounded.contains(storage), "%\(storage) holds no floats")
    guard let address = address[storage] else { preconditionFailure("%\(storage) has no memory") }
    return address.assumingMemoryBound(to: Float.self)
  }

  /// An image in the order and type in which it stands.
  func image(_ storage: Int) -> UnsafePointer<Float> {
    UnsafePointer(address[storage]!.assumingMemoryBound(to: Float.self))
  }

  func bytes(_ storage: Int) -> UnsafeMutablePointer<UInt8> {
    address[storage]!.assumingMemoryBound(to: UInt8.self)
  }

  func indices(_ storage: Int) -> UnsafeMutablePointer<Int32> {
    address[storage]!.assumingMemoryBound(to: Int32.self)
  }

  func lower(
    _ kernel: Kernel, _ prepared: Preparation.Prepared, packed: UnsafeMutableRawPointer?,
    scratch: UnsafeMutableRawPointer
  ) throws(ExecutionError) -> Run {
    switch kernel.work {
    case .convolution(_, let epilogue):
      return convolution(kernel, epilogue, prepared.convolution!, packed, scratch)
    case .inputGradient(_, let postOps):
      return inputGradient(kernel, postOps, prepared, packed, scratch)
    case .maxPool(let window): return maxPool(window, kernel)
    case .pointwise: return pointwise(prepared.pointwise!, scratch)
    case .operation(let operation):
      switch operation {
      case is ConvolutionFilterGradient:
        return filterGradient(kernel, prepared.convolution!, scratch)
      case let product as MatrixProduct: return matrixProduct(product, kernel)
      case let index as MaxPoolIndex: return maxPoolIndex(index, kernel)
      case let select as MaxPoolSelect: return maxPoolSelect(select, kernel)
      case let scatter as MaxPoolScatter: return maxPoolScatter(scatter, kernel)
      case let average as AveragePool: return averagePool(average, kernel)
      case let gradient as AveragePoolGradient: return averagePoolGradient(gradient, kernel)
      case let pad as Pad: return self.pad(pad, kernel)
      case let concatenation as Concatenation: return concatenate(concatenation, kernel)
      case is ArgMax: return argMax(kernel)
      case let mask as TopKMask: return topKMask(mask, kernel)
      case let oneHot as OneHot: return self.oneHot(oneHot, kernel)
      default:
        throw ExecutionError("the CPU executor has no kernel for \(operation.name)")
      }
    }
  }
}
