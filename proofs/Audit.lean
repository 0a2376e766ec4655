prelude
import Claims

/-!
# What is recorded

The output of this file has to be `Audit.expected`, byte for byte, and with every implicit argument and
instance shown, `Audit.explicit`: each definition that the statements in `Claims` are made of, then each
statement with its axioms.
-/

/-! ## Definitions by recursion, by their equations -/

section
universe u
variable {K : Type u} [CommSemiring K] {α : Type u} (n : Nat)
theorem sum_none (f : Nat → K) : ∑ l < 0, f l = 0 := rfl
theorem sum_next (f : Nat → K) : ∑ l < n + 1, f l = ∑ l < n, f l + f n := rfl
theorem pow_none (a : K) : a ^ 0 = 1 := rfl
theorem pow_next (a : K) : a ^ (n + 1) = a * a ^ n := rfl
theorem iterate_none (F : α → α) (x : α) : iterate F 0 x = x := rfl
theorem iterate_next (F : α → α) (x : α) : iterate F (n + 1) x = F (iterate F n x) := rfl
theorem length_nil : (List.nil : List α).length = 0 := rfl
theorem length_cons (x : α) (xs : List α) : (x :: xs).length = xs.length + 1 := rfl
theorem append_nil (ys : List α) : List.nil ++ ys = ys := rfl
theorem append_cons (x : α) (xs ys : List α) : (x :: xs) ++ ys = x :: (xs ++ ys) := rfl
theorem tabulate_none (f : Nat → α) : tabulate 0 f = List.nil := rfl
theorem tabulate_next (f : Nat → α) : tabulate (n + 1) f = f 0 :: tabulate n (fun i => f (i + 1)) := rfl
theorem flatten_none (d : Nat) (S : Nat → Nat → α) : flatten 0 d S = List.nil := rfl
theorem flatten_next (d : Nat) (S : Nat → Nat → α) :
    flatten (n + 1) d S = tabulate d (S 0) ++ flatten n d (fun i => S (i + 1)) := rfl
end

#check @sum_none
#check @sum_next
#check @pow_none
#check @pow_next
#check @iterate_none
#check @iterate_next
#check @length_nil
#check @length_cons
#check @append_nil
#check @append_cons
#check @tabulate_none
#check @tabulate_next
#check @flatten_none
#check @flatten_next

/-! ## Other definitions -/

#print CommSemiring
#print OrderedSemiring
#print Field
#print instHAdd
#print instHMul
#print instOfNatOfNatNatOfZero
#print instOfNatOfNatNatOfOne
#print instAddNat
#print instMulNat
#print instLENat
#print instLTNat
#print Nat.le
#print instOrderedSemiringNat
#print instDecidableEqNat
#print instDecidableLeNat
#print Bool.decEqTrue
#print ite
#print Nat.min
#print count
#print Below
#print identity
#print FactorsThrough
#print Recurrence
#print Coordinates
#print FullRank
#print RepresentsAt
#print PrintedTheorem1
#print calls

/-! ## Statements and what they rest on -/

#check @Theorem1.rank_bound
#print axioms Theorem1.rank_bound
#check @Theorem1.refuted_as_printed
#print axioms Theorem1.refuted_as_printed
#check @Theorem1.refuted_for_every_system
#print axioms Theorem1.refuted_for_every_system
#check @Theorem1.refuted_for_any_coordinator
#print axioms Theorem1.refuted_for_any_coordinator
#check @Theorem1.exact_when_factorised
#print axioms Theorem1.exact_when_factorised
#check @Theorem1.transition_parameters
#print axioms Theorem1.transition_parameters
#check @Theorem1.update_parameters
#print axioms Theorem1.update_parameters
#check @Theorem1.update_fewer
#print axioms Theorem1.update_fewer
#check @Theorem1.update_not_fewer
#print axioms Theorem1.update_not_fewer
#check @Theorem2.token_bound
#print axioms Theorem2.token_bound
#check @Theorem2.never_worse
#print axioms Theorem2.never_worse
#check @Theorem2.crossing_turn
#print axioms Theorem2.crossing_turn
#check @Theorem2.digest_wins
#print axioms Theorem2.digest_wins
#check @Theorem2.lossless_encoding
#print axioms Theorem2.lossless_encoding
#check @Theorem2.too_few_tokens
#print axioms Theorem2.too_few_tokens
#check @Theorem2.encoding_is_optimal
#print axioms Theorem2.encoding_is_optimal
#check @Theorem2.calls_saved
#print axioms Theorem2.calls_saved
#check @Theorem2.calls_after_gate
#print axioms Theorem2.calls_after_gate
#check @Theorem2.no_gate_no_saving
#print axioms Theorem2.no_gate_no_saving
#check @ConvergenceAndStability.convergence
#print axioms ConvergenceAndStability.convergence
#check @ConvergenceAndStability.bounded_forever
#print axioms ConvergenceAndStability.bounded_forever
#check @ConvergenceAndStability.ball_has_room
#print axioms ConvergenceAndStability.ball_has_room
#check @ConvergenceAndStability.sparse_bounded_forever
#print axioms ConvergenceAndStability.sparse_bounded_forever
#check @ConvergenceAndStability.sparse_forgets_start
#print axioms ConvergenceAndStability.sparse_forgets_start
#check @ConvergenceAndStability.sparse_contraction
#print axioms ConvergenceAndStability.sparse_contraction
#check @ConvergenceAndStability.sparse_difference
#print axioms ConvergenceAndStability.sparse_difference
#check @ConvergenceAndStability.never_active_never_moves
#print axioms ConvergenceAndStability.never_active_never_moves
