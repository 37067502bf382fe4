/** A main mode SA. */

import type { IkeSa } from '../../client';
import type { Answer } from '../api/answer';
import { link } from '../route/route';
import { Pair, Pairs } from '../ui/pairs';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Name, Weaknesses } from '../ui/words';
import { valueLabel } from '../words/values';
import { QUICK_MODE } from '../words/windows';

/** Show the main mode SA of a context, or say why there is none. */
export function MainMode({ answer, mmSaId }: { answer: Answer<IkeSa | null>; mmSaId: string | null }) {
  return (
    <Panel
      title="Main mode SA"
      note="Get-NetIPsecMainModeSA"
      to={mmSaId === null ? undefined : link(['sa-contexts'], { mmSaId })}
      more="Its SA contexts"
    >
      {answer.rejection?.status === 404 ? (
        <Nothing>The main mode SA that negotiated this context is gone.</Nothing>
      ) : (
        <Answered answer={answer}>
          {(sa) => (sa === null ? <Nothing>It has none.</Nothing> : <IkeSaPairs sa={sa} />)}
        </Answered>
      )}
    </Panel>
  );
}

/** Show a main mode SA. */
export function IkeSaPairs({ sa }: { sa: IkeSa }) {
  const proposal = sa.ikeProposal;
  return (
    <Pairs>
      <Pair label="Id" windows={QUICK_MODE.mmSaId}>
        <a class="number" href={link(['sa-contexts'], { mmSaId: sa.saId })}>
          {sa.saId}
        </a>
      </Pair>
      <Pair label="Keying module" windows="KeyModule">
        {valueLabel(sa.keyModuleType)}
      </Pair>
      <Pair label="Proposal" windows="CipherAlgorithm, HashAlgorithm, GroupId">
        {valueLabel(proposal.cipherAlgorithm.algoIdentifier)},{' '}
        {valueLabel(proposal.integrityAlgorithm.algoIdentifier)}, DH {valueLabel(proposal.dhGroup)}
      </Pair>
      {sa.ikeCredentials.map(({ localCredentials, peerCredentials }, index) => (
        <Pair
          key={index}
          label={index === 0 ? 'First authentication' : 'Second authentication'}
          windows="LocalFirstId, RemoteFirstId"
        >
          <div>
            <span class="soft">here</span> {method(localCredentials.authenticationMethodType)}{' '}
            <Name value={localCredentials.principalName ?? localCredentials.certificate?.subjectName} />
          </div>
          <div>
            <span class="soft">peer</span> {method(peerCredentials.authenticationMethodType)}{' '}
            <Name value={peerCredentials.principalName ?? peerCredentials.certificate?.subjectName} />
          </div>
        </Pair>
      ))}
      <Pair label="Weaknesses">
        <Weaknesses values={sa.weaknesses} />
      </Pair>
    </Pairs>
  );
}

function method(value: string): string {
  return value.replaceAll('_', ' ');
}
