import Explanations
import Manipulation
import Networks
import Testing

/// The row of the transfer matrix that a recipe asks for in a word.
@Suite struct FurtherInterpretersTests {
  /// A softmax in the middle of a network: derivatives pass, relevance and multipliers have no rule.
  private func architecture(softmax: Bool) throws -> Architecture {
    var nodes = [
      LayerNode(
        name: "conv",
        layer: .convolution(
          ConvolutionLayer(inputChannels: 3, outputChannels: 2, kernelSize: 3, padding: 1)),
        inputs: [Architecture.inputName]),
      LayerNode(name: "pool", layer: .globalAveragePool, inputs: ["conv"]),
      LayerNode(name: "flat", layer: .flatten, inputs: ["pool"]),
    ]
    if softmax { nodes.append(LayerNode(name: "soft", layer: .softmax, inputs: ["flat"])) }
    nodes.append(
      LayerNode(
        name: "fc", layer: .dense(DenseLayer(inputs: 2, outputs: 4)), inputs: [nodes.last!.name]))
    return try Architecture(name: "small", inputShape: [6, 5, 3], classes: 4, nodes: nodes)
  }

  private let fooled = InterpreterSpecification(name: "grad-cam", layer: "conv")

  @Test func whatTheNetworkHasNoRuleForIsLeftOut() throws {
    let further = FurtherInterpreters.transfer(.singlePass)
    let all = further.interpreters(besides: [fooled], of: try architecture(softmax: false))
    #expect(all.notes == [])
    #expect(all.specifications == further.specifications(besides: fooled))

    let some = further.interpreters(besides: [fooled], of: try architecture(softmax: true))
    let left = Set(all.specifications.map(\.name)).subtracting(some.specifications.map(\.name))
    #expect(left == ["lrp", "lrp-t", "deep-lift", "deep-lift-t"])
    #expect(some.notes.count == 4)
    #expect(
      some.notes.contains {
        $0.hasPrefix("lrp is not measured: lrp: no relevance passes through layer soft (softmax)")
      }, "\(some.notes)")
  }

  /// What is asked for by name is not omitted in silence.
  @Test func listedOnesAreKept() throws {
    let listed: FurtherInterpreters = [InterpreterSpecification(name: "lrp")]
    let kept = listed.interpreters(besides: [fooled], of: try architecture(softmax: true))
    #expect(kept.specifications == [InterpreterSpecification(name: "lrp")])
    #expect(kept.notes == [])
  }
}
