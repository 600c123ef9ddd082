import TensorGraph
import Testing

struct GraphBuilderTests {
  @Test(arguments: [true, false])
  func identicalNodesAreOne(simplifies: Bool) throws {
    var graph = GraphBuilder(simplifies: simplifies)
    let x = try graph.placeholder("x", shape: [2, 4, 4, 3])
    let w = try graph.parameter("w", shape: [5, 3, 3, 3])
    let y = try graph.convolution(x, w, window: Window2D(3))
    let count = graph.nodes.count
    #expect(try graph.placeholder("x", shape: [2, 4, 4, 3]) == x)
    #expect(try graph.convolution(x, w, window: Window2D(3)) == y)
    #expect(graph.nodes.count == count)
    #expect(try graph.convolution(x, w, window: Window2D(3, padding: 1)) != y)
  }

  @Test func operationsOfOneHashButDifferentKindStayApart() throws {
    var graph = GraphBuilder(simplifies: false)
    let x = try graph.placeholder("x", shape: [2, 2])
    let reshaped = try graph.append(Reshape(to: [2, 2]), [x])
    let broadcast = try graph.append(Broadcast(to: [2, 2]), [x])
    #expect(reshaped != broadcast)
    #expect(try graph.subtract(x, reshaped) != graph.subtract(reshaped, x))
  }

  @Test func aGraphHoldsOnlyWhatItsOutputsNeed() throws {
    var builder = GraphBuilder()
    let unused = try builder.placeholder("unused", shape: [7])
    _ = try builder.exponential(unused)
    let x = try builder.placeholder("x", shape: [2])
    let y = try builder.relu(x)
    let graph = builder.graph(outputs: [y, x, y])
    try graph.verify()
    #expect(graph.nodes.count == 2)
    #expect(graph.outputs == [1, 0, 1])
    #expect(graph.placeholders == ["x": 0])
    #expect(graph.users() == [[1], []])
    #expect(
      graph.description == """
        %0 = placeholder x(): [2]
        %1 = relu(%0): [2]
        return %1, %0, %1
        """)
  }

  @Test func indicesHaveIntegerTypes() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 4, 4, 2])
    let labels = try graph.placeholder("labels", shape: [3], type: .int32)
    #expect(try graph.append(MaxPoolIndex(window: Window2D(2)), [x]).type == .uint8)
    #expect(try graph.argMax(x).type == .int32)
    #expect(try graph.reshape(labels, to: [3, 1]).type == .int32)
    #expect(try graph.oneHot(labels, depth: 5).type == .float32)
  }
}
