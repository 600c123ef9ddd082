import CTensorKernels
import Foundation
import TensorGraph
import TensorPlan

extension Lowering {
  /// The axes of an array as they stand in memory; those of blocked images are N, block, and
  /// everything of a block.
  private func axesInMemory(_ shape: Shape, _ storage: Int) -> Shape {
    guard plan.blocked.contains(storage) else { return shape }
    let block = Int(TROMPE_CHANNEL_BLOCK)
    return [shape[0], shape[3] / block, shape[1] * shape[2] * block]
  }

  func pad(_ pad: Pad, _ kernel: Kernel) -> Run {
    let from = axesInMemory(kernel.readShapes[0], kernel.reads[0])
    let result = axesInMemory(kernel.writeShapes[0], kernel.writes[0])
    // Only whole blocks are added to blocked images.
    let isBlocked = plan.blocked.contains(kernel.writes[0])
    let low = isBlocked ? [0, pad.low[3] / Int(TROMPE_CHANNEL_BLOCK), 0] : pad.low
    let interior = isBlocked ? [0, 0, 0] : pad.interior
    let (x, y, threads) = (floats(kernel.reads[0]), floats(kernel.writes[0]), threads)
    let strides = result.strides
    let first: Int = low.indices.reduce(0) { $0 + low[$1] * strides[$1] }
    let target = y + first
    let extents = from.dimensions.map(Int64.init)
    let fromStrides = from.strides.map(Int64.init)
    let toStrides = strides.indices.map { Int64((interior[$0] + 1) * strides[$0]) }
    let bytes = plan.graph.nodes[kernel.writes[0]].byteCount
    return {
      memset(y, 0, bytes)
      copyStrided(extents, x, fromStrides, target, toStrides, threads)
      return 0
    }
  }

  func concatenate(_ concatenation: Concatenation, _ kernel: Kernel) -> Run {
    let result = axesInMemory(kernel.writeShapes[0], kernel.writes[0])
    let axis = plan.blocked.contains(kernel.writes[0]) ? 1 : concatenation.axis
    let inner = result.dimensions[(axis + 1)...].reduce(1, *)
    let outer = result.dimensions[..<axis].reduce(1, *)
    let (y, threads) = (floats(kernel.writes[0]), threads)
    var begin = 0
    var parts: [(from: UnsafeMutablePointer<Float>, begin: Int, width: Int)] = []
    for (storage, shape) in zip(kernel.reads, kernel.readShapes) {
      let width = shape.count / max(outer, 1)
      parts.append((floats(storage), begin, width))
      begin += width
    }
    let total = result[axis] * inner
    return { [parts] in
      for part in parts {
        copyStrided(
          [Int64(outer), Int64(part.width)], part.from, [Int64(part.width), 1],
          y + part.begin, [Int64(total), 1], threads)
      }
      return 0
    }
  }
}

private func copyStrided(
  _ extents: [Int64], _ from: UnsafePointer<Float>, _ fromStrides: [Int64],
  _ to: UnsafeMutablePointer<Float>, _ toStrides: [Int64], _ threads: Int32
) {
  extents.withUnsafeBufferPointer { extents in
    fromStrides.withUnsafeBufferPointer { fromStrides in
      toStrides.withUnsafeBufferPointer { toStrides in
        var strides = trompe_strides(
          rank: Int32(extents.count), extent: extents.baseAddress,
          from_stride: fromStrides.baseAddress, to_stride: toStrides.baseAddress)
        trompe_copy_strided(&strides, from, to, threads)
      }
    }
  }
}
